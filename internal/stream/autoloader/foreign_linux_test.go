package autoloader

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// TestWatchOfAForeignFolder: a folder that other machines write to is listed,
// as this one's kernel tells nothing of their files.
func TestWatchOfAForeignFolder(t *testing.T) {
	s, err := Open(t.Context(), Config{
		Path: t.TempDir(), Options: map[string]string{"format": "json", "useNotifications": "true"}, Schema: schema.New(schema.Col("a", schema.Integer)),
		Openers: location.Local(), Checkpoint: mem.New(nil), State: "sources/0/", Clock: time.Now, NewID: uuid.NewString,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.tells = func(string) bool { return false }
	if _, err := s.Watch(t.Context()); !errors.Is(err, stream.ErrUnwatched) || s.Ready() != nil {
		t.Errorf("got %v, want the folder unwatched", err)
	}
}
