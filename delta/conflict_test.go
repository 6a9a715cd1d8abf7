package delta

import (
	"maps"
	"testing"

	"github.com/freshet/freshet/schema"
)

// TestConflictMatrix holds what a transaction does when another commit got in
// first (protocol: conflict detection).
func TestConflictMatrix(t *testing.T) {
	base := &Metadata{
		ID: "t", Schema: schema.New(schema.Col("id", schema.Long), schema.Col("p", schema.Long)), PartitionColumns: []string{"p"},
	}
	retitled := base.Clone()
	retitled.Description = "other"
	widened := base.Clone()
	widened.Schema.Fields = append(widened.Schema.Fields, schema.Col("more", schema.String))
	versioned := base.Clone()
	versioned.Configuration = map[string]string{"delta.checkpointPolicy": "v2", inCommitKey: "true", inCommitVersionKey: "3"}
	checked := base.Clone()
	checked.Configuration = map[string]string{"delta.constraints.positive": "id > 0"}
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

	rows := func(partition string) map[string]addedFile {
		values := map[string]*string{"p": &partition}
		return map[string]addedFile{partition: {path: "w" + partition, values: values}}
	}

	winners := map[string]*footprint{
		"blind append":     {blind: true, added: rows("1")},
		"append that read": {added: rows("1")},
		"delete of f":      {added: rows("1"), removes: set("f")},
		"delete of g":      {removes: set("g")},
		"optimize of f":    {removes: set("f")}, // its adds bring no rows
		"optimize of h":    {removes: set("h")},
		"append to p=2":    {blind: true, added: rows("2")},
		"update of h, p=2": {added: rows("2"), removes: set("h")},
		"properties":       {metadata: &retitled},
		"new column":       {metadata: &widened},
		"harmless":         {metadata: &versioned},
		"constraint":       {metadata: &checked},
		"adds DV":          {protocol: &withDV},
		"adds constraints": {protocol: &constrained},
		"txn a":            {blind: true, apps: set("a")},
		"domain d":         {domains: set("d")},
	}
	const ok = ConflictKind(0)
	type row = map[string]ConflictKind
	of := func(kind ConflictKind, winners ...string) row {
		r := make(row)
		for _, w := range winners {
			r[w] = kind
		}
		return r
	}
	join := func(rows ...row) row {
		r := make(row)
		for _, other := range rows {
			maps.Copy(r, other)
		}
		return r
	}
	// What a blind append loses to, everyone does.
	blindLoses := join(of(ConflictMetadataChanged, "new column", "constraint"), of(ConflictProtocolChanged, "adds constraints"))
	loses := join(blindLoses, of(ConflictMetadataChanged, "properties"))
	inFirst := func() []*fileFilter {
		filter, err := newFileFilter(base, Comparison{Column: []string{"p"}, Op: Equal, Value: 1})
		if err != nil {
			t.Fatal(err)
		}
		return []*fileFilter{filter}
	}

	for name, test := range map[string]struct {
		mine intent
		want row // what is not named is ok
	}{
		"blind append": {
			intent{footprint: footprint{blind: true}, level: serializable},
			blindLoses,
		},
		"blind append of txn a": {
			intent{footprint: footprint{blind: true, apps: set("a")}, readApps: set("a"), level: serializable},
			join(blindLoses, of(ConflictConcurrentTransaction, "txn a")),
		},
		"append that read the table": {
			intent{readTable: true, level: serializable},
			join(
				loses, of(ConflictConcurrentAppend, "blind append", "append that read", "delete of f", "append to p=2", "update of h, p=2"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f", "optimize of h"),
			),
		},
		"the same, write serializable": {
			intent{readTable: true, level: writeSerializable},
			join(
				loses, of(ConflictConcurrentAppend, "append that read", "delete of f", "update of h, p=2"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f", "optimize of h"),
			),
		},
		"append that read p=1": {
			intent{predicates: inFirst(), level: serializable},
			join(
				loses, of(ConflictConcurrentAppend, "blind append", "append that read", "delete of f"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f"),
			),
		},
		"the same, write serializable, of p=1": {
			intent{predicates: inFirst(), level: writeSerializable},
			join(
				loses, of(ConflictConcurrentAppend, "append that read", "delete of f"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f"),
			),
		},
		"update of f where p=1": {
			intent{footprint: footprint{removes: set("f")}, predicates: inFirst(), readFiles: set("f"), level: serializable},
			join(
				loses, of(ConflictConcurrentAppend, "blind append", "append that read", "delete of f"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f"),
			),
		},
		"update of f by path": {
			intent{footprint: footprint{removes: set("f")}, readFiles: set("f"), level: serializable},
			join(loses, of(ConflictConcurrentDeleteRead, "delete of f", "optimize of f")),
		},
		"optimize of f": {
			intent{footprint: footprint{removes: set("f")}, level: snapshotIsolation},
			join(loses, of(ConflictConcurrentDeleteDelete, "delete of f", "optimize of f")),
		},
		"change of metadata": {
			intent{footprint: footprint{blind: true, metadata: &widened}, level: serializable},
			join(loses, of(ConflictMetadataChanged, "harmless")),
		},
		"change of metadata that read, write serializable": {
			intent{footprint: footprint{metadata: &widened}, readTable: true, level: writeSerializable},
			join(
				loses, of(ConflictMetadataChanged, "harmless"),
				of(ConflictConcurrentAppend, "blind append", "append that read", "delete of f", "append to p=2", "update of h, p=2"),
				of(ConflictConcurrentDeleteRead, "delete of g", "optimize of f", "optimize of h"),
			),
		},
		"change of protocol": {
			intent{footprint: footprint{blind: true, protocol: &withDV}, level: serializable},
			join(blindLoses, of(ConflictProtocolChanged, "adds DV")),
		},
		"domain d": {
			intent{footprint: footprint{blind: true, domains: set("d")}, level: serializable},
			join(blindLoses, of(ConflictDomainMetadata, "domain d")),
		},
	} {
		test.mine.base, test.mine.basis = base, plain
		test.mine.baseFiles = func(paths map[string]bool, yield func(AddFile) bool) {
			for path, partition := range map[string]string{"f": "1", "g": "1", "h": "2"} {
				if paths[path] && !yield(AddFile{Path: path, PartitionValues: map[string]*string{"p": &partition}}) {
					return
				}
			}
		}
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
