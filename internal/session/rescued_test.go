package session_test

import "testing"

// TestRescuedValues: what was rescued and why, by paths.
func TestRescuedValues(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"s":{"x":"?","y":1},"new":{"a":1}}`+"\n"+`{"id":"one","new":2.5}`)
	w.file("2.json", `{"ID":2,"new":"2024-01-31"}`+"\n"+`{"id":3,"new":true,"s":[1]}`+"\n"+`{"id":`)
	w.rows("CREATE TABLE t AS SELECT * FROM read_files('$IN', format => 'json', schema => 'id INT, s STRUCT<x: INT>', rescuedDataColumn => 'extra')")
	w.want("SELECT path, reason, column_type, num_values, array_join(kinds, ','), array_join(examples, ' '), replace(first_file, 'file://$IN/', ''), replace(last_file, 'file://$IN/', '') FROM rescued_values(TABLE(t), 'extra')",
		`new|new field|NULL|4|boolean,date text,number,object|{"a":1} 2.5 2024-01-31|1.json|2.json`,
		`id|type mismatch|INT|1|text|one|1.json|1.json`,
		`ID|case mismatch|INT|1|integer|2|2.json|2.json`,
		`s.x|type mismatch|INT|1|text|?|1.json|1.json`,
		`s.y|new field|NULL|1|integer|1|1.json|1.json`,
		`s|type mismatch|STRUCT<x: INT>|1|text|[1]|2.json|2.json`,
		`_corrupt_record|malformed record|NULL|1|text|{"id":|2.json|2.json`,
	)
	w.fails("SELECT * FROM rescued_values(TABLE(t))", "RESCUED_DATA_COLUMN_NOT_FOUND", "42703")
	w.fails("SELECT * FROM rescued_values()", "WRONG_NUM_ARGS", "42605")
	w.rows("INSERT INTO t VALUES (9, NULL, 'whatever')")
	w.want("SELECT reason FROM rescued_values(TABLE(t), 'extra') WHERE path = ''", "no rescued data")
}
