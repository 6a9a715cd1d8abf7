package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestTriggerOnUpdateLimits: TRIGGER ON UPDATE watches ten tables and thirty
// views at the most (semantics §9.2).
func TestTriggerOnUpdateLimits(t *testing.T) {
	w := newWorkspace(t)
	union := func(kind string, n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf("SELECT id FROM %s%d", kind, i))
		}
		return strings.Join(parts, " UNION ALL ")
	}
	for i := range 11 {
		w.rows(fmt.Sprintf("CREATE TABLE t%d (id INT)", i))
	}
	for i := range 31 {
		w.rows(fmt.Sprintf("CREATE VIEW v%d AS WITH own AS (SELECT * FROM t0) SELECT id FROM own", i))
	}
	w.rows("CREATE VIEW wide AS " + union("t", 11))
	for _, tt := range []struct {
		query string
		ok    bool
	}{
		{union("t", 10), true},
		{union("t", 11), false},
		{union("v", 30) + " UNION ALL " + union("v", 30), true},
		{union("v", 31), false},
		{"SELECT * FROM wide", false},
	} {
		for _, create := range []string{"CREATE MATERIALIZED VIEW m TRIGGER ON UPDATE AS ", "CREATE MATERIALIZED VIEW m AS "} {
			late := strings.Contains(create, "m AS")
			if !late && !tt.ok {
				w.fails(create+tt.query, "INVALID_SCHEDULE", "42000")
				continue
			}
			w.rows(create + tt.query)
			switch alter := "ALTER MATERIALIZED VIEW m ADD TRIGGER ON UPDATE"; {
			case late && !tt.ok:
				w.fails(alter, "INVALID_SCHEDULE", "42000")
			case late:
				w.rows(alter)
			}
			w.rows("DROP MATERIALIZED VIEW m")
		}
	}
	w.fails("CREATE STREAMING TABLE s TRIGGER ON UPDATE AS "+strings.ReplaceAll(union("t", 11), "FROM ", "FROM STREAM "), "INVALID_SCHEDULE", "42000")
}
