package charset_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format/charset"
)

func TestNewReader(t *testing.T) {
	tests := []struct{ charset, in, want string }{
		{"", "plain", "plain"},
		{"", "", ""},
		{"", "\xef\xbb\xbfmark", "mark"},
		{"UTF-8", "\xff\xfea\x00\xe9\x00", "aé"},
		{"utf8", "\xfe\xff\x00a\x00\xe9", "aé"},
		{"", "\xff\xfe\x00\x00a\x00\x00\x00", "a"},
		{"", "\x00\x00\xfe\xff\x00\x00\x00a", "a"},
		{"", "a\xffb", "a\xffb"},
		{"UTF-16", "\x00a\x00b", "ab"},
		{"UTF-16", "\xff\xfea\x00", "a"},
		{"UTF-16LE", "a\x00=\xd8\x00\xde", "a😀"},
		{"UTF-16LE", "\xff\xfea\x00", "a"},
		{"UTF-16BE", "\xfe\xff\x00a", "a"},
		{"UTF-16BE", "\xd8\x00\x00a", "\uFFFDa"},
		{"UTF-32", "\x00\x00\x00a", "a"},
		{"UTF-32LE", "a\x00\x00\x00", "a"},
		{"UTF-32BE", "\x00\x01\xf6\x00", "😀"},
		{"ISO-8859-1", "\xe9\xff", "éÿ"},
		{"ISO-8859-1", "\xff\xfe\x80", "ÿþ\u0080"},
		{"latin1", "\xe9", "é"},
		{"US-ASCII", "a\xe9\x80b", "a\uFFFD\uFFFDb"},
		{"windows-1252", "\x80", "€"},
		{"Cp1250", "\xb9", "ą"},
		{"windows-1251", "\xdf", "Я"},
		{"Shift_JIS", "\x82\xa0", "あ"},
		{"GBK", "\xc4\xe3", "你"},
	}
	for _, tt := range tests {
		c, err := charset.Lookup(tt.charset)
		if err != nil {
			t.Errorf("%s: %v", tt.charset, err)
			continue
		}
		for name, src := range map[string]io.Reader{
			"whole": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
		} {
			r, err := c.NewReader(src)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if string(got) != tt.want || err != nil {
				t.Errorf("%s %q %s: %q, %v, want %q", tt.charset, tt.in, name, got, err, tt.want)
			}
		}
	}
}

func TestNewReaderErrors(t *testing.T) {
	for _, in := range []string{"\x00a\x00", "\xff\xfea\x00b"} {
		c, err := charset.Lookup("UTF-16")
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.NewReader(strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q is read as %q without the error that it ends early: %v", in, got, err)
		}
	}
	cause := errors.New("broken disk")
	if _, err := charset.UTF8.NewReader(iotest.ErrReader(cause)); !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
	var c errclass.Classified
	if _, err := charset.Lookup("klingon"); !errors.As(err, &c) || c.SQLState() != "22023" {
		t.Errorf("unknown charset: %v", err)
	}
}

func TestRepair(t *testing.T) {
	// From the Unicode Standard, table 3-8 to 3-11, and from Java.
	tests := []struct{ in, want string }{
		{"ok é", "ok é"},
		{"\xf1\x80\x80\xe1\x80\xc2b\x80c\x80\xbfd", "\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd"},
		{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82A", strings.Repeat("\uFFFD", 8) + "A"},
		{"\xed\xa0\x80\xed\xbf\xbf\xed\xafA", strings.Repeat("\uFFFD", 8) + "A"},
		{"\xf4\x91\x92\x93\xffA\x80\xbfB", strings.Repeat("\uFFFD", 5) + "A\uFFFD\uFFFDB"},
		{"\xe2\x82", "\uFFFD"},
	}
	for _, tt := range tests {
		if got := string(charset.Repair([]byte(tt.in))); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzRepair(f *testing.F) {
	f.Add([]byte("a\xe2\x82b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := charset.Repair(text)
		if !utf8.Valid(got) || utf8.Valid(text) && !bytes.Equal(got, text) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
