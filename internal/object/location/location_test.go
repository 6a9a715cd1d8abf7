package location_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/object/location"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"/data/in", "file:///data/in"},
		{"/data/in/", "file:///data/in/"},
		{"/", "file:///"},
		{"in/x.csv", "file:///base/dir/in/x.csv"},
		{"./in/../out/", "file:///base/dir/out/"},
		{".", "file:///base/dir/"},
		{"file:/data//in", "file:///data/in"},
		{"file:///data/in", "file:///data/in"},
		{"FILE://localhost/data/in", "file:///data/in"},
		{"/data/a b%20c/ü.csv", "file:///data/a b%20c/ü.csv"},
		{"s3://bucket/a//b/", "s3://bucket/a//b/"},
		{"s3://bucket", "s3://bucket/"},
		{"dbfs:/Volumes/c/s/v", "dbfs:///Volumes/c/s/v"},
		{"12:30.csv", "file:///base/dir/12:30.csv"},
		{"x:y/z.csv", "file:///base/dir/x:y/z.csv"},
	} {
		got, err := location.Parse(c.text, "/base/dir")
		if err != nil || got.String() != c.want {
			t.Errorf("Parse(%q) = %v, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "file://elsewhere/x"} {
		if got, err := location.Parse(bad, "/"); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", bad, got)
		}
	}
}

func TestOpenRefusesUnknownSchemeByName(t *testing.T) {
	l, err := location.Parse("s3://bucket/x", "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = location.Local().Open(t.Context(), l)
	if err == nil || !strings.Contains(err.Error(), `"s3"`) || !strings.Contains(err.Error(), "file") {
		t.Errorf("got %v, want an error that names s3 and the schemes there are", err)
	}
}
