//go:build interop

package interop_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPeersAgree shows that the two peers and their canonical form agree on a
// table that neither shares code for, so that a difference found elsewhere is
// ours.
func TestPeersAgree(t *testing.T) {
	t.Logf("versions: %v", mustAsk[map[string]string](t, request{Do: "versions"}))
	dir := t.TempDir()
	spark(t, `CREATE TABLE delta.`+"`%s`"+` (
		id BIGINT, s STRING, b BOOLEAN, d DOUBLE, f FLOAT, n DECIMAL(20,3), bin BINARY, day DATE, t TIMESTAMP, ntz TIMESTAMP_NTZ,
		a ARRAY<INT>, m MAP<STRING, DOUBLE>, st STRUCT<x: INT, y: STRING>, p STRING) USING delta PARTITIONED BY (p)`, dir)
	spark(t, `INSERT INTO delta.`+"`%s`"+` VALUES
		(1, 'ä', true, 1.5, 0.1, 12.345, X'00FF', DATE'0001-01-01', TIMESTAMP'2026-01-02 03:04:05.678901', TIMESTAMP_NTZ'9999-12-31 23:59:59.999999',
		 array(1, NULL), map('b', 1.0D, 'a', NULL), named_struct('x', 1, 'y', NULL), 'odd / %% = ü'),
		(2, NULL, NULL, double('NaN'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, dir)
	want, got := read(t, "spark", dir), read(t, "delta-rs", dir)
	if len(want.Rows) != 2 {
		t.Fatalf("Spark reads %d rows of 2", len(want.Rows))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delta-rs reads another table than Spark wrote (-Spark +delta-rs):\n%s", diff)
	}
}
