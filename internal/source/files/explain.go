package files

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object/location"
)

// Judged is a file below a source's path, with why [Discover] leaves it out;
// "" when it does not.
type Judged struct {
	format.File
	Reason string
}

// Explain yields the files below cfg.Path whose paths begin with start, in
// ascending order of their paths, those too that Discover leaves out, with the
// reason. It is for a person who wonders where a file is; cfg names no single
// files.
func Explain(ctx context.Context, cfg Config, start string) iter.Seq2[Judged, error] {
	return func(yield func(Judged, error) bool) {
		d, err := newDiscovery(ctx, cfg)
		if err != nil {
			yield(Judged{}, err)
			return
		}
		prefix := d.literal
		if d.glob == nil && !strings.HasSuffix(d.literal, "/") && d.literal != "" {
			f, err := d.open(ctx, d.literal)
			if err == nil {
				if strings.HasPrefix(f.Path, start) {
					yield(Judged{File: f, Reason: d.filter.outside(d.literal, f.ModTime)}, nil)
				}
				return
			}
			if !errors.Is(err, fs.ErrNotExist) {
				yield(Judged{}, d.unreadable(err))
				return
			}
			prefix = asDir(prefix)
		}
		prefix, ok := d.narrow(prefix, start)
		if !ok {
			return
		}
		for info, err := range d.store.List(ctx, prefix, "") {
			if err != nil {
				yield(Judged{}, d.unreadable(err))
				return
			}
			key := info.Name()
			if !yield(Judged{File: d.file(key, info.Size(), info.ModTime()), Reason: d.reason(key, info.ModTime())}, nil) {
				return
			}
		}
	}
}

// narrow returns the prefix of the keys that have one prefix and whose paths
// have another; false says that no key can have both.
func (d *discovery) narrow(prefix, start string) (string, bool) {
	root := d.loc.At("").String()
	below := root + prefix
	switch {
	case strings.HasPrefix(below, start):
		return prefix, true
	case strings.HasPrefix(start, below):
		return start[len(root):], true
	}
	return "", false
}

// reason says why a listed file is left out, "" when it is not.
func (d *discovery) reason(key string, modTime time.Time) string {
	rel := strings.TrimPrefix(key, d.filter.base)
	switch {
	case d.glob != nil && !d.glob.match(key):
		return "the path's glob does not match it"
	case d.filter.ignoredPath(rel):
		return "its name, or that of a directory, is hidden (option ignoredPathSegmentRegex)"
	case d.filter.isWithout(key):
		return "it is in a directory that freshet writes to, or that option badRecordsPath or schemaLocation names"
	case d.filter.pattern != nil && !d.filter.pattern.match(rel):
		return "PATTERN does not match it"
	}
	return d.filter.outside(key, modTime)
}

// outside is [filter.timeAndName] in words, "" when a file is taken.
func (f *filter) outside(key string, modTime time.Time) string {
	switch {
	case !f.after.IsZero() && !modTime.After(f.after):
		return "it was not modified after option modifiedAfter"
	case !f.before.IsZero() && !modTime.Before(f.before):
		return "it was not modified before option modifiedBefore"
	case f.name != nil && !f.name.match(key[strings.LastIndexByte(key, '/')+1:]):
		return "option pathGlobFilter does not match its name"
	}
	return ""
}

// Named returns what reports whether a user's names for files of cfg mean a
// path: a URI, as _metadata.file_path has it or without its escapes, a local
// path, or a path relative to the source.
func Named(cfg Config, names []string) (func(path string) bool, error) {
	base, err := Base(cfg)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]bool, len(names))
	for _, name := range names {
		switch {
		case strings.Contains(name, "://"):
			paths[location.EscapeRest(name)] = true
		case strings.HasPrefix(name, "/"):
			paths[location.Escape(base[:strings.Index(base, "://")+len("://")]+name)] = true
		default:
			paths[location.Escape(base+strings.TrimPrefix(name, "./"))] = true
		}
	}
	return func(path string) bool { return paths[location.Escape(path)] }, nil
}

// Pattern returns what reports whether a glob matches a path relative to the
// source, as COPY INTO's PATTERN does.
func Pattern(cfg Config, glob string) (func(path string) bool, error) {
	base, err := Base(cfg)
	if err != nil {
		return nil, err
	}
	g, err := compileGlob(glob, segmentGlob)
	if err != nil {
		return nil, err
	}
	return func(path string) bool {
		rel, below := strings.CutPrefix(path, base)
		return below && g.match(rel)
	}, nil
}
