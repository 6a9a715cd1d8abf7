package delta

import (
	"testing"

	"github.com/freshet/freshet/schema"
)

// TestConflictMatrix holds what a transaction does when another commit got in
// first (protocol: conflict detection).
func TestConflictMatrix(t *testing.T) {
	base := &Metadata{ID: "t", Schema: schema.New(schema.Col("id", schema.Long))}
	retitled := base.Clone()
	retitled.Description = "other"
	widened := base.Clone()
	widened.Schema.Fields = append(widened.Schema.Fields, schema.Col("more", schema.String))
	plain := Protocol{MinReader: 1, MinWriter: 2}
	withDV := plain.withFeatures("deletionVectors")
	constrained := plain.withFeatures("checkConstraints")
	set := func(names ...string) map[string]bool {
		s := make(map[string]bool)
		for _, name := range names {
			s[name] = true
		}
		return s
	}

	winners := map[string]*footprint{
		"blind append":     {blind: true, adds: 1, added: "w"},
		"append that read": {adds: 1, added: "w"},
		"delete of f":      {adds: 1, added: "w", removes: set("f")},
		"delete of g":      {removes: set("g")},
		"optimize of f":    {adds: 1, added: "w", removes: set("f")},
		"properties":       {metadata: &retitled},
		"new column":       {metadata: &widened},
		"adds DV":          {protocol: &withDV},
		"adds constraints": {protocol: &constrained},
		"txn a":            {blind: true, adds: 1, apps: set("a")},
		"domain d":         {domains: set("d")},
	}
	const ok = ConflictKind(0)
	type row = map[string]ConflictKind
	for name, test := range map[string]struct {
		mine intent
		want row // what is not named is ok
	}{
		"blind append": {
			intent{footprint: footprint{blind: true, adds: 1}, level: serializable},
			row{"new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged},
		},
		"blind append of txn a": {
			intent{footprint: footprint{blind: true, adds: 1, apps: set("a")}, readApps: set("a"), level: serializable},
			row{
				"new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged,
				"txn a": ConflictConcurrentTransaction,
			},
		},
		"append that read the table": {
			intent{footprint: footprint{adds: 1}, readTable: true, level: serializable},
			row{
				"blind append": ConflictConcurrentAppend, "append that read": ConflictConcurrentAppend, "txn a": ConflictConcurrentAppend,
				"delete of f": ConflictConcurrentAppend, "optimize of f": ConflictConcurrentAppend,
				"delete of g": ConflictConcurrentDeleteRead, "properties": ConflictMetadataChanged,
				"new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged,
			},
		},
		"the same, write serializable": {
			intent{footprint: footprint{adds: 1}, readTable: true, level: writeSerializable},
			row{
				"append that read": ConflictConcurrentAppend,
				"delete of f":      ConflictConcurrentAppend, "optimize of f": ConflictConcurrentAppend,
				"delete of g": ConflictConcurrentDeleteRead, "properties": ConflictMetadataChanged,
				"new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged,
			},
		},
		"update of f by path": {
			intent{footprint: footprint{adds: 1, removes: set("f")}, readFiles: set("f"), level: serializable},
			row{
				"delete of f": ConflictConcurrentDeleteRead, "optimize of f": ConflictConcurrentDeleteRead,
				"properties": ConflictMetadataChanged, "new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged,
			},
		},
		"optimize of f": {
			intent{footprint: footprint{adds: 1, removes: set("f")}, level: snapshotIsolation},
			row{
				"delete of f": ConflictConcurrentDeleteDelete, "optimize of f": ConflictConcurrentDeleteDelete,
				"properties": ConflictMetadataChanged, "new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged,
			},
		},
		"change of metadata": {
			intent{footprint: footprint{blind: true, metadata: &widened}, level: serializable},
			row{"properties": ConflictMetadataChanged, "new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged},
		},
		"change of protocol": {
			intent{footprint: footprint{blind: true, protocol: &withDV}, level: serializable},
			row{"new column": ConflictMetadataChanged, "adds DV": ConflictProtocolChanged, "adds constraints": ConflictProtocolChanged},
		},
		"domain d": {
			intent{footprint: footprint{blind: true, domains: set("d")}, level: serializable},
			row{"domain d": ConflictDomainMetadata, "new column": ConflictMetadataChanged, "adds constraints": ConflictProtocolChanged},
		},
	} {
		test.mine.base, test.mine.basis = base, plain
		for other, winner := range winners {
			got := ok
			if lost := conflict(&test.mine, winner); lost != nil {
				got = lost.Kind
			}
			if want := test.want[other]; got != want {
				t.Errorf("%s against %s: got conflict %d, want %d", name, other, got, want)
			}
		}
	}
}
