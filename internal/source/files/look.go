package files

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
)

// Look narrows a discovery to what may be new. The zero value looks at
// everything.
type Look struct {
	// Memory is what is known, for stores that need not look at it again.
	Memory Memory
	// After leaves out files whose path, as it was yielded, is not greater.
	After string
	// Only, when not nil, is the paths to look at, sorted, as they would be
	// yielded; nothing else is.
	Only []string
}

// Memory is what earlier discoveries of a place have shown. Its methods are
// called in the order of paths, by one goroutine.
type Memory interface {
	// Known reports whether the file of a path, as it would be yielded, is to
	// be passed over.
	Known(path string) bool
	// Unchanged and Listed are those of [object.Past].
	Unchanged(dir string, stamp object.Stamp) (below []string, ok bool)
	Listed(dir string, stamp object.Stamp, below []string)
}

// only yields those of the files named that are there and pass the filters.
func (d *discovery) only(ctx context.Context, yield func(format.File, error) bool) {
	start, below := d.loc.At("").String(), asDir(d.literal)
	if d.glob != nil {
		below = d.literal
	}
	for _, path := range d.look.Only {
		key, ok := strings.CutPrefix(path, start)
		if !ok || !strings.HasPrefix(key, below) || d.glob != nil && !d.glob.match(key) || !d.filter.path(key) {
			continue
		}
		f, err := d.open(ctx, key)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !d.filter.timeAndName(key, f.ModTime) {
			continue
		}
		if err != nil {
			err = d.unreadable(err)
		}
		if !yield(f, err) || err != nil {
			return
		}
	}
}

// list lists what the look asks for.
func (d *discovery) list(ctx context.Context, prefix string) iter.Seq2[fs.FileInfo, error] {
	tree, ok := d.store.(object.Tree)
	if ok && d.look.Memory != nil && d.look.After == "" {
		return tree.ListNew(ctx, prefix, past{Memory: d.look.Memory, discovery: d})
	}
	return d.store.List(ctx, prefix, strings.TrimPrefix(d.look.After, d.loc.At("").String()))
}

// past is a memory as a store asks it. Files that are filtered out by their
// names need not be looked at either.
type past struct {
	Memory

	discovery *discovery
}

// Known implements [object.Past].
func (p past) Known(key string) bool {
	d := p.discovery
	return d.glob != nil && !d.glob.match(key) || !d.filter.path(key) || p.Memory.Known(d.loc.At(key).String())
}
