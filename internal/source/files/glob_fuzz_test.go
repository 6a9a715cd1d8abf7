package files

import "testing"

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"/a/*/c/", "{a,b{c,d}}", "[^a-z]", "[]]", `\*`, "[!]", "{", "a{b", "[z-a]", "ü?", "\xff*"} {
		f.Add(s, "/a/b/c")
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		strict, err := compileGlob(pattern, segmentGlob)
		lenient, lenientErr := compileGlob(pattern, prefixGlob)
		if (err == nil) != (lenientErr == nil) {
			t.Fatalf("%q compiles in one style alone: %v, %v", pattern, err, lenientErr)
		}
		if err == nil && strict.match(path) && !lenient.match(path) {
			t.Errorf("%q matches %q strictly but not by prefix", pattern, path)
		}
		if globStart(pattern) < 0 && err == nil {
			if literal := unescape(pattern); literal != "" && literal[len(literal)-1] != '/' && !strict.match(literal) {
				t.Errorf("%q does not match itself, %q", pattern, literal)
			}
		}
	})
}
