package csv

import (
	"unicode/utf8"

	"github.com/freshet/freshet/internal/format/charset"
)

// rescueRows fills the rescued data column: of each row the values without a
// column, those that do not fit theirs, and those beyond the last field, as a
// JSON object of strings in the order of the file, and the file's path last;
// NULL for a row with none (semantics §4.2).
func (r *reader) rescueRows(base int) {
	if r.plan.ragged() || len(r.misfits) == 0 && len(r.extras) == 0 && len(r.fields.unknown) == 0 {
		return
	}
	r.rescued.Resize(base)
	misfits, extras := r.misfits, r.extras
	for i := range r.rows {
		r.rescue = append(r.rescue[:0], '{')
		unknown := r.fields.unknown
		for {
			misfit := len(misfits) > 0 && misfits[0].row == i
			switch {
			case misfit && (len(unknown) == 0 || misfits[0].field < unknown[0]):
				r.rescueValue(r.fields.names[misfits[0].field], r.text(r.cells[i*r.width+misfits[0].field]))
				misfits = misfits[1:]
				continue
			case len(unknown) > 0:
				if text, ok := r.value(r.cells[i*r.width+unknown[0]]); ok {
					r.rescueValue(r.fields.names[unknown[0]], text)
				}
				unknown = unknown[1:]
				continue
			}
			break
		}
		for ; len(extras) > 0 && extras[0].row == i; extras = extras[1:] {
			if text, ok := r.value(extras[0].cell); ok {
				r.rescueValue(positionName(extras[0].field), text)
			}
		}
		if len(r.rescue) == 1 {
			continue
		}
		r.rescueValue("_file_path", []byte(r.block.File.URI()))
		r.rescued.Resize(base + i)
		r.rescued.Append(append(r.rescue, '}'))
	}
	r.rescued.Resize(base + len(r.rows))
}

// rescueValue adds one member to the object.
func (r *reader) rescueValue(name string, text []byte) {
	if len(r.rescue) > 1 {
		r.rescue = append(r.rescue, ',')
	}
	r.rescue = appendJSON(r.rescue, []byte(name))
	r.rescue = append(r.rescue, ':')
	r.rescue = appendJSON(r.rescue, text)
}

// appendJSON appends text as a JSON string, escaped no more than needed.
func appendJSON(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		text = charset.Repair(text)
	}
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, '"')
}
