package ledger

import (
	"strings"

	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// keysOf returns ranges of paths as a state has them that hold all those whose
// URIs, as rows show them, lie in ranges of URIs. The two sort alike as far as
// nothing is encoded, so that a range may become a wider one.
func keysOf(ranges []filestate.Range) []filestate.Range {
	var out []filestate.Range
	for _, r := range ranges {
		if keys, some := keyRange(r); some {
			out = append(out, keys)
		}
	}
	return filestate.Unite(out)
}

// keyRange does so for one range.
func keyRange(r filestate.Range) (keys filestate.Range, some bool) {
	if r.Single() {
		path, n := location.Unescape(r.Low)
		return filestate.At(path), n == len(r.Low) && location.Escape(path) == r.Low
	}
	prefix, n := location.Unescape(r.Prefix())
	keys = filestate.Range{Low: prefix + plain(r.Low[n:]), High: after(prefix)}
	// The next byte of a URI in the range is not less than that of its lower
	// end: if that is above the percent sign, it is none and stands for itself.
	if at := r.High[min(n, len(r.High)):]; at != "" && len(r.Low) > n && r.Low[n] > '%' {
		if keys.High = after(prefix + at[:1]); len(at) == 1 {
			keys.High = prefix + at
		}
	}
	return keys, true
}

// plain returns what of the end of a URI sorts among paths as it does among
// URIs: an escape, which sorts as its percent sign, may come before what is
// less than that, but for the least byte.
func plain(s string) string {
	if at := strings.IndexFunc(s, func(r rune) bool { return r != 0 && r <= '%' }); at >= 0 {
		return s[:at]
	}
	return s
}

// after returns what sorts after all texts that begin with prefix, "" for
// nothing.
func after(prefix string) string {
	for n := len(prefix) - 1; n >= 0; n-- {
		if prefix[n] < 0xFF {
			return prefix[:n] + string([]byte{prefix[n] + 1})
		}
	}
	return ""
}
