package json

// rescue writes the rescued data of one row (semantics §4.2): an object with
// what the schema could not hold, in the order of the source, and the path of
// the file.
//
// Fields that the schema lacks keep their JSON, and those of nested objects
// their path: {"a":{"b":1}}. Of a field whose value does not fit, a scalar
// keeps its JSON and an object or array becomes a string with its JSON, as
// Databricks has it. When something inside an array or map does not fit, all
// of it is rescued.
type rescue struct {
	active bool
	path   []byte // of the file, quoted
	row    []byte
	within [][]byte // names of the objects around the current field, quoted
	opened int      // how many of them row has opened
	muted  int      // depth of arrays and maps; nothing is written inside
	lost   bool     // something inside the current array or map was not kept
	copy   scanner  // rewrites text that is not standard JSON
}

// start begins a row.
func (r *rescue) start() {
	r.row, r.within, r.opened, r.lost, r.muted = r.row[:0], r.within[:0], 0, false, 0
}

// enter says that the fields that follow belong to an object called name,
// until leave.
func (r *rescue) enter(name []byte) { r.within = append(r.within, name) }

func (r *rescue) leave() {
	r.within = r.within[:len(r.within)-1]
	if r.opened > len(r.within) {
		r.opened--
		r.row = append(r.row, '}')
	}
}

// add writes a field: its quoted name, and its value's text. lax says that the
// text may not be standard JSON.
func (r *rescue) add(name, text []byte, d dialect, lax bool) {
	if !r.field(name) {
		return
	}
	if lax {
		r.row = r.standard(r.row, text, d)
	} else {
		r.row = append(r.row, text...)
	}
}

// addString writes a field whose value is text as a string.
func (r *rescue) addString(name, text []byte) {
	if r.field(name) {
		r.row = quote(r.row, text)
	}
}

// field opens the objects around a field and writes its name. It reports
// false when nothing is to be written.
func (r *rescue) field(name []byte) bool {
	if !r.active {
		return false
	}
	if r.muted > 0 {
		r.lost = true
		return false
	}
	if len(r.row) == 0 {
		r.row = append(r.row, '{')
	}
	for ; r.opened < len(r.within); r.opened++ {
		r.name(r.within[r.opened])
		r.row = append(r.row, '{')
	}
	r.name(name)
	return true
}

func (r *rescue) name(name []byte) {
	if r.row[len(r.row)-1] != '{' {
		r.row = append(r.row, ',')
	}
	r.row = append(r.row, name...)
	r.row = append(r.row, ':')
}

var filePathName = []byte(`"_file_path"`)

// finish ends the row and returns its text, nil when nothing was rescued.
func (r *rescue) finish() []byte {
	if len(r.row) == 0 {
		return nil
	}
	r.name(filePathName)
	r.row = append(r.row, r.path...)
	r.row = append(r.row, '}')
	return r.row
}

// standard appends text as standard JSON.
func (r *rescue) standard(dst, text []byte, d dialect) []byte {
	s := &r.copy
	s.dialect = d
	s.reset(text)
	return s.rewrite(dst)
}

// rewrite appends the value that comes next as standard JSON. The text was
// found well-formed before.
func (s *scanner) rewrite(dst []byte) []byte {
	switch c := s.peek(); c {
	case '{':
		dst = append(dst, '{')
		more, ok := s.open('}')
		for more && ok {
			if _, ok = s.key(); !ok {
				break
			}
			dst = append(quote(dst, s.text), ':')
			dst = s.rewrite(dst)
			if more, ok = s.more('}'); more {
				dst = append(dst, ',')
			}
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		more, ok := s.open(']')
		for more && ok {
			dst = s.rewrite(dst)
			if more, ok = s.more(']'); more {
				dst = append(dst, ',')
			}
		}
		return append(dst, ']')
	case '"', '\'':
		if s.skip() {
			return quote(dst, s.text)
		}
	case 't', 'f', 'n':
		start := s.pos
		if s.scalar(c) {
			return append(dst, s.data[start:s.pos]...)
		}
	default:
		if s.number() {
			return s.rewriteNumber(dst)
		}
	}
	return append(dst, "null"...)
}

// rewriteNumber appends the number read last as standard JSON: without leading
// zeros, and as a string when it is none.
func (s *scanner) rewriteNumber(dst []byte) []byte {
	text := s.digits()
	if s.num.special {
		return quote(dst, text)
	}
	if text[0] == '-' {
		dst, text = append(dst, '-'), text[1:]
	}
	for len(text) > 1 && text[0] == '0' && text[1]-'0' <= 9 {
		text = text[1:]
	}
	return append(dst, text...)
}
