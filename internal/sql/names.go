package sql

import "strings"

// pathFormats are the formats that files are read by as format.`path`.
var pathFormats = map[string]bool{
	"delta": true, "parquet": true, "csv": true, "json": true, "text": true, "avro": true, "orc": true, "xml": true, "binaryfile": true,
}

// Path returns the format, lower case, and path of a name such as
// delta.`/data/t`, which is recognised by its backticks.
func (n *Name) Path() (format, path string, ok bool) {
	if !n.Quoted || !n.isPathForm() {
		return "", "", false
	}
	return strings.ToLower(n.Parts[0]), n.Parts[1], true
}

// isPathForm reports whether the name is a path if its last part is quoted.
func (n *Name) isPathForm() bool {
	return len(n.Parts) == 2 && pathFormats[strings.ToLower(n.Parts[0])]
}
