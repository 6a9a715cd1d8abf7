// Package rescue knows rescued data (semantics §4): what is in the text that a
// row keeps, and how it gets back into its columns once the table has such
// that can hold it.
package rescue

import (
	"bytes"
	"encoding/json"

	"github.com/freshet/freshet/schema"
)

// pathName is the member that says which file a row came from, always the
// last.
const pathName = "_file_path"

// text is the rescued data of one row. Values stay as they are written, so
// that no digit of a number changes.
type text struct {
	members []member
	path    []byte // the last member whole, name and value; nil for none
	damaged bool   // it is no such object, and is left as it is
}

// member is one rescued value, or an object of them.
type member struct {
	name  string
	token []byte // the name as it is written, in quotes
	value []byte
}

// parse takes the rescued data of a row apart.
func parse(row string) text {
	members, ok := object([]byte(row))
	if !ok || len(members) == 0 {
		return text{damaged: true}
	}
	t := text{members: members}
	if last := members[len(members)-1]; last.name == pathName {
		t.members = members[:len(members)-1]
		t.path = last.write(nil)
	}
	return t
}

// object returns the members of a JSON object. It is not ok when the text is
// none.
func object(row []byte) (members []member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(row))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		before := d.InputOffset()
		token, err := d.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, false
		}
		m := member{name: name, token: bytes.TrimLeft(row[before:d.InputOffset()], ", \t\r\n")}
		if err := d.Decode((*json.RawMessage)(&m.value)); err != nil {
			return nil, false
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil || len(bytes.TrimSpace(row[d.InputOffset():])) > 0 {
		return nil, false
	}
	return members, true
}

// write appends the member to an object under way.
func (m member) write(dst []byte) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(dst, m.token...), ':')
	return append(dst, m.value...)
}

// isObject and isText tell kinds of JSON values by how they begin.
func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }
func isText(value []byte) bool   { return len(value) > 0 && value[0] == '"' }

// values counts the values in a member whose column has type t, nil for none:
// those of a struct's fields one by one.
func (m member) values(t schema.Type) int64 {
	columns, nested := t.(*schema.Struct)
	if !nested || !isObject(m.value) {
		return 1
	}
	inside, ok := object(m.value)
	if !ok {
		return 1
	}
	n := int64(0)
	for _, f := range inside {
		n += f.values(fieldType(columns, f.name))
	}
	return max(n, 1)
}

// fieldType returns the type of a field, nil when there is none of the name.
func fieldType(columns *schema.Struct, name string) schema.Type {
	if i := columns.Index(name); i >= 0 {
		return columns.Fields[i].Type
	}
	return nil
}

// compose returns the text of the members that are left, with the file's path;
// it is not ok when none is.
func (t text) compose(left []member) (row string, ok bool) {
	if len(left) == 0 {
		return "", false
	}
	out := []byte{'{'}
	for _, m := range left {
		out = m.write(out)
	}
	if t.path != nil {
		out = append(append(out, ','), t.path...)
	}
	return string(append(out, '}')), true
}
