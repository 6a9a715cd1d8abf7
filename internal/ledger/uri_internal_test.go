package ledger

import (
	"testing"

	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// TestKeysOfURIs: paths are sought among those as a state has them, by what is
// asked of the URIs that rows show. No path is missed, whatever its characters;
// none is read in vain where nothing is encoded.
func TestKeysOfURIs(t *testing.T) {
	var paths []string
	for _, a := range []string{"", " ", "!", "#", "$", "%", "%2", "%20", "0", "a", "b", "{", "~", "ü", "\u00a0", "日"} {
		for _, b := range []string{"", " ", "%", "a", "a b", "b", "ü"} {
			paths = append(paths, "file:///in/"+a+b)
		}
	}
	ends := []string{""}
	for _, p := range paths {
		ends = append(ends, location.Escape(p), p, location.Escape(p)+"\x00", location.Escape(p)+"z")
	}
	in := func(r filestate.Range, p string) bool { return p >= r.Low && (r.High == "" || p < r.High) }
	for _, low := range ends {
		for _, high := range ends {
			r := filestate.Range{Low: low, High: high}
			if high != "" && low >= high {
				continue
			}
			keys := keysOf([]filestate.Range{r})
			for _, p := range paths {
				if in(r, location.Escape(p)) && (len(keys) == 0 || !in(keys[0], p)) {
					t.Fatalf("the URI of %q is in %q, which is taken for %q", p, r, keys)
				}
			}
		}
	}
	for _, c := range []struct{ uris, want filestate.Range }{
		{filestate.At("file:///in/a%20b"), filestate.At("file:///in/a b")},
		{filestate.At("file:///in/%2520"), filestate.At("file:///in/%20")},
		{filestate.Range{Low: "s3://b/d=1/", High: "s3://b/d=10"}, filestate.Range{Low: "s3://b/d=1/", High: "s3://b/d=10"}},
		{filestate.Range{Low: "s3://b/x%20y/", High: "s3://b/x%20y0"}, filestate.Range{Low: "s3://b/x y/", High: "s3://b/x y0"}},
		{filestate.Range{Low: "s3://b/k5", High: "s3://b/k7"}, filestate.Range{Low: "s3://b/k5", High: "s3://b/k7"}},
		{filestate.Range{Low: "s3://b/k5\x00"}, filestate.Range{Low: "s3://b/k5\x00", High: ""}},
		{filestate.Range{Low: "s3://b/k5"}, filestate.Range{Low: "s3://b/k5"}},
	} {
		if got := keysOf([]filestate.Range{c.uris}); len(got) != 1 || got[0] != c.want {
			t.Errorf("%q: got %q, want %q", c.uris, got, c.want)
		}
	}
	for _, none := range []string{"file:///in/a b", "file:///in/%", "file:///in/%61"} {
		if got := keysOf([]filestate.Range{filestate.At(none)}); len(got) != 0 {
			t.Errorf("%q is the URI of no path, got %q", none, got)
		}
	}
}
