package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
)

const deltaHead = `# Delta Lake

Tables are Delta Lake tables, read and written by freshet's own package ` + "`delta`" + `, which Go programs can import on its own. A new table has
the protocol that every program knows, reader version 1 and writer version 2; a feature is added when something first uses it, and
` + "`DESCRIBE DETAIL`" + ` shows which a table has. A table with a feature that is not in this list is refused, by the feature's name.

*Read* and *write* say whether tables with the feature can be read and changed; *unless used* means that a table may list the feature
as long as no property turns it on. *Drop* says whether ` + "`ALTER TABLE … DROP FEATURE`" + ` takes it out again. The tests are in the
packages named.

| feature | read | write | drop | what freshet does | tests |
|---|---|---|---|---|---|
`

const deltaTail = `
Readers need not know a dropped feature, but older versions of the table still do. ` + "`DROP FEATURE`" + ` therefore protects them
(feature ` + "`checkpointProtection`" + `): no program that respects it removes part of the log before the drop. With ` + "`TRUNCATE HISTORY`" + ` these versions go
instead, once they are older than ` + "`delta.dropFeatureTruncateHistory.retentionDuration`" + `, a day by default; until then the statement
says so, and is repeated later.

Whatever the features, these are read too: classic, multi-part and V2 checkpoints with sidecars, in Parquet and JSON, compacted commits,
checksums, INT96 timestamps, the older layouts of lists and maps, void columns, absolute paths and those of shallow clones.
`

// featureNote is what the page says of a feature besides what the code knows.
type featureNote struct {
	does  string
	tests []string // package and test
}

var featureNotes = map[string]featureNote{
	"appendOnly":                  {"refuses to delete rows from such a table", []string{"delta TestAppendOnlyRefusesDeletes"}},
	"invariants":                  {"checks them, and `NOT NULL`, of every row written", []string{"delta TestWriterAppliesRules", "delta TestUnreadableInvariantIsRefused"}},
	"checkConstraints":            {"checks them of every row written, and of the rows that are there when one is added", []string{"internal/session TestConstraints", "test/interop TestRulesHoldOnBothSides", "test/interop TestOperationsHoldOnBothSides"}},
	"changeDataFeed":              {"writes the feed of every change; `table_changes` reads it", []string{"delta TestGoldenChanges", "internal/session TestTableChanges", "test/interop TestRowsAreChangedByBoth"}},
	"generatedColumns":            {"computes them, or checks values that are given", []string{"internal/session TestGeneratedColumns", "test/interop TestRulesHoldOnBothSides"}},
	"columnMapping":               {"by name and by id; columns are renamed and dropped without rewriting files", []string{"internal/session TestColumnMapping", "test/interop TestRulesHoldOnBothSides", "test/interop TestRowsAreChangedByBoth"}},
	"identityColumns":             {"numbers rows, also of writers at once; `SYNC IDENTITY`", []string{"internal/session TestIdentityColumns", "internal/session TestSyncIdentity", "test/interop TestRulesHoldOnBothSides"}},
	"deletionVectors":             {"reads them of every kind; deletes, updates and merges by them where the table has `delta.enableDeletionVectors`", []string{"delta TestGoldenDeletionVectors", "test/interop TestRowsAreChangedByBoth"}},
	"rowTracking":                 {"gives rows ids, which they keep when they are updated, copied or compacted", []string{"delta TestRowIDs", "internal/session TestRowsKeepTheirIDs", "test/interop TestRowsAreChangedByBoth", "delta TestMergeKeepsRowIDs", "test/interop TestOperationsHoldOnBothSides"}},
	"timestampNtz":                {"a type like any other", []string{"test/interop TestOursIsReadByThem", "test/interop TestTheirsIsReadByUs"}},
	"domainMetadata":              {"keeps the domains of others", []string{"delta TestCheckpointRoundTrip"}},
	"v2Checkpoint":                {"reads them; writes them, with sidecars when they are large, where `delta.checkpointPolicy` is `v2`", []string{"delta TestV2Checkpoints", "test/interop TestLogsAreReadByThem"}},
	"icebergCompatV1":             {"", []string{"delta TestFeatureTable"}},
	"icebergCompatV2":             {"", []string{"delta TestFeatureTable"}},
	"icebergCompatV3":             {"", []string{"delta TestFeatureTable"}},
	"clustering":                  {"`CLUSTER BY`; `OPTIMIZE` clusters along a Hilbert curve", []string{"delta TestClustering", "test/interop TestOurMaintenanceIsReadByThem"}},
	"vacuumProtocolCheck":         {"checks the protocol before `VACUUM`, as for every table", []string{"delta TestVacuumRefused", "internal/session TestDropFeature"}},
	"allowColumnDefaults":         {"fills in what rows lack", []string{"internal/session TestDefaults", "test/interop TestRulesHoldOnBothSides"}},
	"typeWidening":                {"reads files of the narrower types; widens by `ALTER COLUMN … TYPE`", []string{"internal/session TestTypeWidening", "test/interop TestRulesHoldOnBothSides"}},
	"typeWidening-preview":        {"as the stable feature", []string{"delta TestScanGoldenCounts", "internal/session TestDropFeature"}},
	"inCommitTimestamp":           {"times of commits that only increase, for time travel", []string{"delta TestInCommitTimestampsIncrease", "delta TestInCommitTimestampsEnabledLate", "test/interop TestLogsAreReadByThem"}},
	"materializePartitionColumns": {"", []string{"delta TestFeatureTable"}},
	"checkpointProtection":        {"keeps protected checkpoints; what `DROP FEATURE` adds", []string{"delta TestLogCleanUp", "internal/session TestDropFeature", "internal/session TestDropCheckpointProtection"}},
	"variantType":                 {"reads and writes variants", []string{"delta TestGoldenVariants", "test/interop TestVariantsAreShared"}},
	"variantType-preview":         {"as the stable feature", []string{"delta TestGoldenVariants"}},
	"variantShredding":            {"reads shredded files; writes variants whole", []string{"delta TestShreddedVariants", "test/interop TestVariantsAreShared"}},
	"variantShredding-preview":    {"as the stable feature", []string{"delta TestShreddedVariants"}},
	"catalogManaged":              {"such tables are a catalog's, not a path's", []string{"delta TestGoldenRefused"}},
}

// TestDeltaFeaturesAreListed compares docs/delta.md with the table that the
// package decides by, and sees that the tests it names exist.
func TestDeltaFeaturesAreListed(t *testing.T) {
	var b strings.Builder
	b.WriteString(deltaHead)
	yes := map[bool]string{true: "yes", false: "no"}
	write := map[delta.WriteSupport]string{delta.WriteNever: "no", delta.WriteUnlessActive: "unless used", delta.WriteAlways: "yes"}
	for _, f := range delta.Features() {
		note, ok := featureNotes[f.Name]
		if !ok {
			t.Errorf("nothing is said of the feature %s", f.Name)
		}
		var tests []string
		for _, test := range note.tests {
			where, name, _ := strings.Cut(test, " ")
			if !hasTest(t, where, name) {
				t.Errorf("%s: there is no test %s in %s", f.Name, name, where)
			}
			tests = append(tests, "`"+where+"` "+name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Name, yes[f.Read], write[f.Write], yes[f.Droppable()], note.does, strings.Join(tests, ", "))
	}
	if len(featureNotes) != len(delta.Features()) {
		t.Errorf("%d features are described, and %d known", len(featureNotes), len(delta.Features()))
	}
	b.WriteString(deltaTail)
	current(t, "delta.md", b.String())
}

// hasTest reports whether a package of the repository has a test.
func hasTest(t *testing.T, where, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(where), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return true
		}
	}
	return false
}
