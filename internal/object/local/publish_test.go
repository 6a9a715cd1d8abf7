package local

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// File systems without hard links are rare where tests run, so the fallback is
// called directly.
func TestPublishWithoutLink(t *testing.T) {
	root := t.TempDir()
	name := root + "/object"
	for i, want := range []error{nil, fs.ErrExist} {
		temp, err := createTemp(root)
		if err != nil {
			t.Fatal(err)
		}
		data := []byte{byte('0' + i)}
		if err := writeSynced(temp, data); err != nil {
			t.Fatal(err)
		}
		if err := publishWithoutLink(temp.Name(), name, data); !errors.Is(err, want) {
			t.Errorf("attempt %d: %v, want %v", i, err, want)
		}
		if _, err := os.Lstat(temp.Name()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("attempt %d leaves its temporary file: %v", i, err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "0" {
		t.Errorf("object holds %q, %v, want that of the first", got, err)
	}
}

// A network file system may report that the name is taken by our own link.
func TestPublishKnowsItsOwnLink(t *testing.T) {
	root := t.TempDir()
	temp, err := createTemp(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSynced(temp, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(temp.Name(), root+"/object"); err != nil {
		t.Skip("no hard links here: ", err)
	}
	if err := publish(temp.Name(), root+"/object", nil); err != nil {
		t.Errorf("publish: %v, want success", err)
	}
}
