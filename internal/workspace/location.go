package workspace

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
)

// ManagedLocation returns where a new managed table goes: a directory named
// for it, or, when one is there already, such as a failed creation's, the same
// with a unique suffix.
func (w *Workspace) ManagedLocation(ctx context.Context, n catalog.Name) (string, error) {
	sch, err := w.Catalog.Schema(ctx, n.Catalog, n.Schema)
	if err != nil {
		return "", err
	}
	base := sch.Location
	if base == "" {
		if base, err = Locate(filepath.Join(w.Root, "tables", FileName(sch.Catalog), FileName(sch.Name))); err != nil {
			return "", err
		}
	}
	uri := base + "/" + FileName(n.Table)
	store, err := w.OpenStore(ctx, uri)
	if err != nil {
		return "", err
	}
	for _, err := range store.List(ctx, "", "") {
		return uri + "-" + w.NewID(), Wrap(n.String(), err)
	}
	return uri, nil
}

// FileName makes a table's or schema's name one path segment, which is neither
// hidden nor leads elsewhere.
func FileName(name string) string {
	name = strings.NewReplacer("/", "%2F", "\\", "%5C", "\x00", "%00").Replace(strings.ToLower(name))
	if rest, hidden := strings.CutPrefix(name, "."); hidden {
		return "%2E" + rest
	}
	return name
}

// Locate turns a path as users write it into the URI that the catalog keeps:
// absolute, without trailing slash.
func Locate(path string) (string, error) {
	loc, err := location.Parse(path, "")
	if err != nil {
		return "", err
	}
	return strings.TrimRight(loc.String(), "/"), nil
}

// OpenStore opens the store rooted at a location of [locate].
func (w *Workspace) OpenStore(ctx context.Context, uri string) (object.Store, error) {
	loc, err := location.Parse(uri+"/", "")
	if err != nil {
		return nil, err
	}
	store, err := w.Openers.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	return object.Under(store, loc.Key), nil
}

// DeleteFiles removes everything below a location.
func (w *Workspace) DeleteFiles(ctx context.Context, uri string) error {
	loc, err := location.Parse(uri+"/", "")
	if err != nil {
		return err
	}
	store, err := w.Openers.Open(ctx, loc)
	if err != nil {
		return err
	}
	for info, err := range store.List(ctx, loc.Key, "") {
		if err == nil {
			err = store.Delete(ctx, info.Name())
		}
		if err != nil {
			return err
		}
	}
	if p, ok := store.(object.Pruner); ok {
		return p.Prune(loc.Key)
	}
	return nil
}

// external finds files that tables name by their URI, as clones do.
func (w *Workspace) external(ctx context.Context, uri string) (delta.Storage, string, error) {
	loc, err := location.Parse(uri, "")
	if err != nil {
		return nil, "", err
	}
	store, err := w.Openers.Open(ctx, loc)
	if err != nil {
		return nil, "", err
	}
	return store, loc.Key, nil
}

// EventsLocation is where the workspace's event log is.
func (w *Workspace) EventsLocation() (string, error) {
	return Locate(filepath.Join(w.Root, "events"))
}
