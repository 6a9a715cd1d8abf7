package delta

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// WriteSupport says whether commits are made to a table with a feature.
type WriteSupport int

const (
	// WriteNever refuses every commit.
	WriteNever WriteSupport = iota
	// WriteUnlessActive allows commits while the table merely lists the
	// feature and nothing in its metadata uses it.
	WriteUnlessActive
	// WriteAlways allows commits.
	WriteAlways
)

// Feature is a table feature and how far this package supports it.
type Feature struct {
	// Name is the protocol's.
	Name string
	// Reader is whether readers must know the feature; writers always must.
	Reader bool
	// LegacyReader and LegacyWriter are the protocol versions that imply the
	// feature before features were listed by name; 0 when none does.
	LegacyReader, LegacyWriter int
	// Read is whether tables with the feature can be read.
	Read bool
	// Write is whether they can be written.
	Write WriteSupport

	// active reports whether the metadata uses the feature. Nil stands for
	// features that count as used as soon as they are listed.
	active func(*Metadata) bool
	// rebase is whether a transaction that began before the feature was added
	// may still commit.
	rebase bool
	// needs is a feature that has to be listed along, or empty.
	needs string
}

// Features returns every feature this package knows by name, in the order of
// the protocol's document. Tables with any other feature are refused.
func Features() []Feature { return slices.Clone(features) }

// features is the one place that decides what is read and written.
var features = []Feature{
	{Name: "appendOnly", LegacyWriter: 2, Read: true, Write: WriteAlways, active: isSet("delta.appendOnly"), rebase: true},
	{Name: "invariants", LegacyWriter: 2, Read: true, Write: WriteAlways, active: hasFieldKey("delta.invariants")},
	{Name: "checkConstraints", LegacyWriter: 3, Read: true, Write: WriteAlways, active: hasConstraint},
	{Name: "changeDataFeed", LegacyWriter: 4, Read: true, Write: WriteAlways, active: isSet("delta.enableChangeDataFeed"), rebase: true},
	{Name: "generatedColumns", LegacyWriter: 4, Read: true, Write: WriteAlways, active: hasFieldKey("delta.generationExpression")},
	{Name: "columnMapping", Reader: true, LegacyReader: 2, LegacyWriter: 5, Read: true, Write: WriteAlways, active: hasColumnMapping, rebase: true},
	{Name: "identityColumns", LegacyWriter: 6, Read: true, Write: WriteAlways, active: hasFieldKey("delta.identity.start")},
	{Name: "deletionVectors", Reader: true, Read: true, Write: WriteAlways, active: isSet("delta.enableDeletionVectors"), rebase: true},
	{Name: "rowTracking", Read: true, Write: WriteAlways, needs: "domainMetadata", active: isSet("delta.enableRowTracking"), rebase: true},
	{Name: "timestampNtz", Reader: true, Read: true, Write: WriteAlways, active: hasType(schema.TimestampNTZ), rebase: true},
	{Name: "domainMetadata", Read: true, Write: WriteAlways, active: never, rebase: true},
	{Name: "v2Checkpoint", Reader: true, Read: true, Write: WriteAlways, active: hasPolicyV2, rebase: true},
	{Name: "icebergCompatV1", Read: true, Write: WriteUnlessActive, active: isSet("delta.enableIcebergCompatV1"), rebase: true},
	{Name: "icebergCompatV2", Read: true, Write: WriteUnlessActive, active: isSet("delta.enableIcebergCompatV2"), rebase: true},
	{Name: "icebergCompatV3", Read: true, Write: WriteUnlessActive, active: isSet("delta.enableIcebergCompatV3"), rebase: true},
	{Name: "clustering", Read: true, Write: WriteAlways, needs: "domainMetadata", active: never},
	{Name: "vacuumProtocolCheck", Reader: true, Read: true, Write: WriteAlways, active: never, rebase: true},
	{Name: "allowColumnDefaults", Read: true, Write: WriteAlways, active: hasFieldKey("CURRENT_DEFAULT")},
	{Name: "typeWidening", Reader: true, Read: true, Write: WriteAlways, active: isSet("delta.enableTypeWidening"), rebase: true},
	{Name: "typeWidening-preview", Reader: true, Read: true, Write: WriteAlways, active: never, rebase: true},
	{Name: "inCommitTimestamp", Read: true, Write: WriteAlways, active: inCommitTimestamps, rebase: true},
	{Name: "materializePartitionColumns", Read: true, Write: WriteNever},
	{Name: "checkpointProtection", Read: true, Write: WriteAlways, active: never},
	{Name: "variantType", Reader: true, Read: true, Write: WriteAlways, active: hasType(schema.Variant), rebase: true},
	{Name: "variantType-preview", Reader: true, Read: true, Write: WriteAlways, active: never, rebase: true},
	{Name: "variantShredding", Reader: true, Read: true, Write: WriteAlways, active: isSet("delta.enableVariantShredding"), rebase: true},
	{Name: "variantShredding-preview", Reader: true, Read: true, Write: WriteAlways, active: never, rebase: true},
	{Name: "catalogManaged", Reader: true, rebase: true},
}

func never(*Metadata) bool { return false }

func isSet(property string) func(*Metadata) bool {
	return func(m *Metadata) bool { return strings.EqualFold(m.Configuration[property], "true") }
}

func hasConstraint(m *Metadata) bool {
	for name := range m.Configuration {
		if strings.HasPrefix(name, "delta.constraints.") {
			return true
		}
	}
	return false
}

func hasColumnMapping(m *Metadata) bool {
	mode := m.Configuration["delta.columnMapping.mode"]
	return mode != "" && !strings.EqualFold(mode, "none")
}

func hasPolicyV2(m *Metadata) bool {
	return strings.EqualFold(m.Configuration["delta.checkpointPolicy"], "v2")
}

func hasFieldKey(key string) func(*Metadata) bool {
	return func(m *Metadata) bool {
		return anyField(m.Schema, func(f schema.Field) bool { _, ok := f.Metadata[key]; return ok })
	}
}

func hasType(want schema.Primitive) func(*Metadata) bool {
	return func(m *Metadata) bool {
		return anyType(m.Schema, func(t schema.Type) bool { p, ok := t.(schema.Primitive); return ok && p == want })
	}
}

// anyType reports whether match holds for t or a type inside it.
func anyType(t schema.Type, match func(schema.Type) bool) bool {
	if match(t) {
		return true
	}
	switch t := t.(type) {
	case schema.Array:
		return anyType(t.Element, match)
	case schema.Map:
		return anyType(t.Key, match) || anyType(t.Value, match)
	case *schema.Struct:
		return slices.ContainsFunc(t.Fields, func(f schema.Field) bool { return anyType(f.Type, match) })
	}
	return false
}

// anyField reports whether match holds for a field at any depth.
func anyField(s *schema.Struct, match func(schema.Field) bool) bool {
	return anyType(s, func(t schema.Type) bool {
		inner, ok := t.(*schema.Struct)
		return ok && slices.ContainsFunc(inner.Fields, match)
	})
}

func findFeature(name string) *Feature {
	for i := range features {
		if features[i].Name == name {
			return &features[i]
		}
	}
	return nil
}

// Protocol versions: up to these, and from these on, features are listed.
const (
	featuresReader = 3
	featuresWriter = 7
)

// checkRead returns the error that refuses to read a table of protocol p.
func checkRead(p Protocol) error {
	if p.MinReader < 1 || p.MinReader > featuresReader || p.MinWriter < 1 || p.MinWriter > featuresWriter {
		return &ProtocolVersionError{Reader: p.MinReader, Writer: p.MinWriter}
	}
	var unsupported []string
	if p.MinReader == featuresReader {
		for _, name := range p.ReaderFeatures {
			if f := findFeature(name); f == nil || !f.Read {
				unsupported = append(unsupported, name)
			}
		}
	}
	if unsupported != nil {
		slices.Sort(unsupported)
		return &UnsupportedFeatureError{Features: unsupported}
	}
	return nil
}

// checkWrite returns the error that refuses to commit to a table of protocol
// p and metadata m.
func checkWrite(p Protocol, m *Metadata) error {
	if err := checkRead(p); err != nil {
		return err
	}
	var unsupported []string
	for _, name := range p.writerFeatures() {
		f := findFeature(name)
		if f == nil || f.Write == WriteNever || f.Write == WriteUnlessActive && f.active(m) {
			unsupported = append(unsupported, name)
		}
	}
	if unsupported != nil {
		slices.Sort(unsupported)
		return &UnsupportedFeatureError{Features: unsupported, Write: true}
	}
	return nil
}

// writerFeatures returns the features that bind writers, listed or implied.
func (p Protocol) writerFeatures() []string {
	if p.MinWriter >= featuresWriter {
		return p.WriterFeatures
	}
	var names []string
	for _, f := range features {
		if f.LegacyWriter > 0 && f.LegacyWriter <= p.MinWriter {
			names = append(names, f.Name)
		}
	}
	return names
}

// hasFeature reports whether writers are bound by the feature.
func (p Protocol) hasFeature(name string) bool { return slices.Contains(p.writerFeatures(), name) }

// withFeatures returns p upgraded so that it lists the named features as
// well. What the old version implied is listed, as it may have been used.
func (p Protocol) withFeatures(names ...string) Protocol {
	names = slices.Clone(names)
	for i := 0; i < len(names); i++ {
		if f := findFeature(names[i]); f != nil && f.needs != "" && !slices.Contains(names, f.needs) {
			names = append(names, f.needs)
		}
	}
	names = slices.DeleteFunc(names, p.hasFeature)
	if len(names) == 0 {
		return p
	}
	writer := append(slices.Clone(p.writerFeatures()), names...)
	next := Protocol{MinReader: p.MinReader, MinWriter: featuresWriter, ReaderFeatures: slices.Clone(p.ReaderFeatures)}
	for _, name := range names {
		if f := findFeature(name); f != nil && f.Reader {
			next.MinReader = featuresReader
		}
	}
	if next.MinReader == featuresReader {
		for _, name := range writer {
			f := findFeature(name)
			if f != nil && f.Reader && !slices.Contains(next.ReaderFeatures, name) {
				next.ReaderFeatures = append(next.ReaderFeatures, name)
			}
		}
	}
	slices.Sort(writer)
	slices.Sort(next.ReaderFeatures)
	next.WriterFeatures = slices.Compact(writer)
	if p.MinWriter < featuresWriter {
		return next.legacy()
	}
	return next
}

// legacy returns p by versions alone, which older programs understand, if one
// implies just the features that p lists; readers of version 1 know all tables
// up to writer version 4.
func (p Protocol) legacy() Protocol {
	for version := 2; version <= 4 && p.MinReader == 1; version++ {
		old := Protocol{MinReader: 1, MinWriter: version}
		implied := slices.Sorted(slices.Values(old.writerFeatures()))
		if slices.Equal(implied, p.WriterFeatures) {
			return old
		}
	}
	return p
}

// featuresInUse returns the features that m uses and a protocol must name:
// those by its schema and properties, but for what every table has.
func featuresInUse(m *Metadata) []string {
	var names []string
	for _, f := range features {
		if f.active != nil && f.active(m) {
			names = append(names, f.Name)
		}
	}
	return names
}
