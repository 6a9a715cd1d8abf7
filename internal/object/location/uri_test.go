package location_test

import (
	"testing"

	"github.com/freshet/freshet/internal/object/location"
)

// TestEscape: a URI is what Spark 4.2 gives for _metadata.file_path of a file of
// that name.
func TestEscape(t *testing.T) {
	for path, want := range map[string]string{
		"file:///in/plain-_.~!*'(),;:@&=+$.json": "file:///in/plain-_.~!*'(),;:@&=+$.json",
		"file:///in/a b.json":                    "file:///in/a%20b.json",
		"file:///in/50%.json":                    "file:///in/50%25.json",
		"file:///in/a%20b.json":                  "file:///in/a%2520b.json",
		"file:///in/ü/日本.json":                   "file:///in/ü/日本.json",
		"file:///in/e\u0301\U0001F600":           "file:///in/e\u0301\U0001F600",
		"file:///in/a#b?[1]{x}":                  "file:///in/a%23b%3F%5B1%5D%7Bx%7D",
		"file:///in/\"<>|^`\\\t":                 "file:///in/%22%3C%3E%7C%5E%60%5C%09",
		"file:///in/\u00a0\u2003\u0085":          "file:///in/%C2%A0%E2%80%83%C2%85",
		"s3://my bucket/a b":                     "s3://my bucket/a%20b",
		"/a b":                                   "/a%20b",
		"mem://":                                 "mem://",
	} {
		got := location.Escape(path)
		if got != want {
			t.Errorf("Escape(%q) = %q, want %q", path, got, want)
		}
		if back, n := location.Unescape(got); back != path || n != len(got) {
			t.Errorf("Unescape(%q) = %q, %d, want %q, %d", got, back, n, path, len(got))
		}
		if twice := location.EscapeRest(got); twice != got {
			t.Errorf("EscapeRest(%q) = %q", got, twice)
		}
	}
	for escaped, want := range map[string]string{"/a%2": "/a", "/a%": "/a", "/a%zz": "/a", "/a b": "/a", "/%C3": "/\xc3"} {
		if got, _ := location.Unescape(escaped); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", escaped, got, want)
		}
	}
	if got := location.EscapeRest("/a b%20%"); got != "/a%20b%20%25" {
		t.Errorf("EscapeRest = %q", got)
	}
}
