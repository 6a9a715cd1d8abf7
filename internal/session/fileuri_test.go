package session_test

import "testing"

// TestFileURIs: a file's name is percent-encoded wherever rows tell of it, as
// Spark has it in _metadata.file_path, so that all of them join; statements find
// the file by that, and by its name as it is.
func TestFileURIs(t *testing.T) {
	for _, c := range []struct{ test, name, uri string }{
		{"blank", "a b", "a%20b"},
		{"percent", "50%", "50%25"},
		{"escape", "a%20b", "a%2520b"},
		{"letters and signs", "d ü/é#1+", "d%20ü/é%231+"},
	} {
		for format, rows := range map[string]string{"json": "{\"id\":1}\n{\"id\":\"x\"}\n", "csv": "id\n1\nx\n"} {
			t.Run(c.test+" "+format, func(t *testing.T) {
				w, name, uri := newWorkspace(t), c.name+"."+format, c.uri+"."+format
				w.file(name, rows)
				w.file("other."+format, rows)
				w.rows("CREATE STREAMING TABLE t AS SELECT *, _metadata.file_path AS file, _metadata.file_name AS name FROM STREAM read_files('$IN', format => '" + format + "', schemaHints => 'id INT')")
				w.want("SELECT DISTINCT replace(file, 'file://$IN/', ''), replace(_rescued_data:_file_path, 'file://$IN/', '') FROM t WHERE file NOT LIKE '%/other%' AND endswith(file, name) AND _rescued_data IS NOT NULL", uri+"|"+uri)
				w.want("SELECT count(*) FROM t JOIN cloud_files_state(TABLE(t)) ON file = path", "4")
				w.want("SELECT count(*) FROM file_ledger(TABLE(t)) WHERE path = 'file://$IN/"+uri+"'", "1")
				w.want("SELECT count(*) FROM file_ledger(TABLE(t)) WHERE path = 'file://$IN/"+name+"'", "0")
				for _, file := range []string{"file://$IN/" + uri, "$IN/" + name, name} {
					w.want("ALTER STREAMING TABLE t REPLAY FILES ('"+file+"')", "1")
					w.want("REFRESH STREAMING TABLE t", "2|2")
				}
				w.want("SELECT count(*), count(id) FROM t", "4|2")
			})
		}
	}
}
