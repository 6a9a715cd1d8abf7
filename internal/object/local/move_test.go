package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
)

func TestMove(t *testing.T) {
	root := t.TempDir()
	var s object.Mover = local.New(root)
	for _, name := range []string{"a", "taken"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to string
		want     error
	}{
		{"a", "taken", fs.ErrExist},
		{"none", "b", fs.ErrNotExist},
		{"link", "b", errors.ErrUnsupported},
		{"a", "deep/er/a", nil},
		{"a", "b", fs.ErrNotExist},
	} {
		if err := s.Move(t.Context(), c.from, c.to); !errors.Is(err, c.want) {
			t.Errorf("move %s to %s: got %v, want %v", c.from, c.to, err, c.want)
		}
	}
	for name, want := range map[string]string{"deep/er/a": "a", "taken": "taken"} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
}
