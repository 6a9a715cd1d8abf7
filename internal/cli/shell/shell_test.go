package shell_test

import (
	"testing"

	"github.com/freshet/freshet/internal/cli/shell"
)

func TestComplete(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"", true},
		{"  \n", true},
		{"select 1", false},
		{"select 1;", true},
		{"select 1; ", true},
		{"select 1; select 2", false},
		{"select ';", false},
		{"select ';'", false},
		{"select ';';", true},
		{`select 'it\';';`, true},
		{`select 'it\';`, false},
		{"select 'it''s;", false},
		{"select `a;", false},
		{"select `a\\`;", true},
		{"select 1; -- done", true},
		{"select 1 -- not; done;", false},
		{"select 1 -- more\n;", true},
		{"select 1 /* ; ", false},
		{"select 1 /* ; */;", true},
		{`\d t`, true},
		{".help", true},
		{"exit", true},
		{"exit;", true},
		{"describe history t", false},
	}
	for _, tt := range tests {
		if got := shell.Complete(tt.text); got != tt.want {
			t.Errorf("Complete(%q) = %v, want %v", tt.text, got, tt.want)
		}
	}
}

func FuzzComplete(f *testing.F) {
	f.Add("select 'a';")
	f.Add("/* -- */ `")
	f.Fuzz(func(t *testing.T, text string) {
		if shell.Complete(text) && !shell.Complete(text+"\n;") {
			t.Errorf("%q is complete, but not with one more semicolon", text)
		}
	})
}
