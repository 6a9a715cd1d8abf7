// Package files finds the files of a source: one file, a directory with all
// below it, or a glob, in any object store, filtered as Spark and Databricks
// filter them. It also knows what a file's path says about its rows: Hive
// partition columns and the _metadata column.
package files

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
)

// maxNamed is how many files COPY INTO's FILES may name (semantics §7.1).
const maxNamed = 1000

// defaultIgnored hides files and directories as all Databricks runtimes do.
const defaultIgnored = "^[._]"

// Options declares the generic file options, which go with every format
// (semantics §2.2).
func Options() option.Set {
	return option.Set{
		{Name: "ignoreCorruptFiles", Kind: option.Bool, Default: "false", Doc: "Skip files that cannot be read, keeping the rows already read from them."},
		{Name: "ignoreMissingFiles", Kind: option.Bool, Default: "false", Doc: "Skip files that vanish between listing and reading. COPY INTO defaults to true."},
		{Name: "modifiedAfter", Kind: option.Instant, Doc: "Take only files modified after this timestamp."},
		{Name: "modifiedBefore", Kind: option.Instant, Doc: "Take only files modified before this timestamp."},
		{Name: "pathGlobFilter", Aliases: []string{"fileNamePattern"}, Kind: option.Pattern, Doc: "Take only files whose name matches this glob."},
		{Name: "recursiveFileLookup", Kind: option.Bool, Default: "false", Doc: "Take directories as they come: none is a partition column."},
		{Name: "ignoredPathSegmentRegex", Kind: option.Text, Default: defaultIgnored, Doc: "Skip files and directories whose name this regular expression finds a match in."},
		{Name: "partitionColumns", Kind: option.Text, Doc: "Comma-separated Hive partition columns to take from the path; an empty list takes none. Without it they are inferred."},
	}
}

// Config says which files to discover.
type Config struct {
	Path    string           // file, directory or glob; URI or local path
	Dir     string           // what a relative Path is relative to
	Openers location.Openers // the stores there are
	Options option.Values    // of a set that holds [Options]
	// StrictGlob matches globs of Path segment by segment, as Spark does and
	// useStrictGlobber asks for; otherwise a star also crosses slashes and the
	// end of the glob is a prefix, as in Auto Loader (semantics §2.9).
	StrictGlob bool
	Files      []string // COPY INTO's FILES, relative to Path
	Pattern    string   // COPY INTO's PATTERN, relative to Path
	// Without are directories whose files are no input, such as those that the
	// query itself writes to. One that is not within the source counts for
	// nothing.
	Without []string
	Look    Look
}

// Base returns the directory of cfg.Path, as a URI with a trailing slash,
// below which directories may be partition columns: the path itself, or the
// part of it before the first segment with a glob.
func Base(cfg Config) (string, error) {
	loc, err := location.Parse(cfg.Path, cfg.Dir)
	if err != nil {
		return "", err
	}
	if at := globStart(loc.Key); at >= 0 {
		return loc.At(loc.Key[:strings.LastIndexByte(loc.Key[:at], '/')+1]).String(), nil
	}
	return loc.At(asDir(unescape(loc.Key))).String(), nil
}

// Discover yields the files of cfg in ascending order of their paths, except
// that named files come in the order of their names. It reads nothing but
// directories. A path that does not exist is an error (PATH_NOT_FOUND), a
// directory or glob without files yields none. A named file that does not
// exist is a [*format.FileError], and the next file follows; any other error
// ends the sequence.
func Discover(ctx context.Context, cfg Config) iter.Seq2[format.File, error] {
	return func(yield func(format.File, error) bool) {
		d, err := newDiscovery(ctx, cfg)
		if err != nil {
			yield(format.File{}, err)
			return
		}
		switch {
		case cfg.Look.Only != nil:
			d.only(ctx, yield)
		case len(cfg.Files) > 0:
			d.named(ctx, cfg.Files, yield)
		case d.glob != nil:
			d.below(ctx, d.literal, yield)
		default:
			d.path(ctx, yield)
		}
	}
}

// discovery is one run of Discover.
type discovery struct {
	store   object.Store
	loc     location.Location
	literal string // the key, or what of it comes before a glob
	glob    *glob  // of the whole key, nil when there is none
	filter  *filter
	look    Look
}

func newDiscovery(ctx context.Context, cfg Config) (*discovery, error) {
	if len(cfg.Files) > maxNamed {
		return nil, errclass.New("COPY_INTO_SYNTAX_ERROR", "42601", "FILES names %d files; at most %d are allowed, use PATTERN for more", len(cfg.Files), maxNamed)
	}
	if len(cfg.Files) > 0 && cfg.Pattern != "" {
		return nil, errclass.New("COPY_INTO_SYNTAX_ERROR", "42601", "FILES and PATTERN exclude each other; use one of them")
	}
	loc, err := location.Parse(cfg.Path, cfg.Dir)
	if err != nil {
		return nil, err
	}
	store, err := cfg.Openers.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	d := &discovery{store: store, loc: loc, literal: unescape(loc.Key), look: cfg.Look}
	base := asDir(d.literal)
	if at := globStart(loc.Key); at >= 0 {
		style := prefixGlob
		if cfg.StrictGlob {
			style = segmentGlob
		}
		if d.glob, err = compileGlob(loc.Key, style); err != nil {
			return nil, err
		}
		d.literal = unescape(loc.Key[:at])
		base = d.literal[:strings.LastIndexByte(d.literal, '/')+1]
	}
	if d.filter, err = newFilter(cfg, base); err != nil {
		return nil, err
	}
	d.filter.without, err = d.within(base, cfg)
	return d, err
}

// within returns the keys of those of the directories without input that are
// below base.
func (d *discovery) within(base string, cfg Config) ([]string, error) {
	var keys []string
	for _, dir := range cfg.Without {
		loc, err := location.Parse(dir, cfg.Dir)
		if err != nil {
			return nil, err
		}
		key := asDir(loc.Key)
		if loc.At("") == d.loc.At("") && len(key) > len(base) && strings.HasPrefix(key, base) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// path yields the one file that the key names, or all below the directory.
func (d *discovery) path(ctx context.Context, yield func(format.File, error) bool) {
	if d.literal != "" && !strings.HasSuffix(d.literal, "/") {
		f, err := d.open(ctx, d.literal)
		switch {
		case err == nil:
			if d.filter.timeAndName(d.literal, f.ModTime) {
				yield(f, nil)
			}
			return
		case !errors.Is(err, fs.ErrNotExist):
			yield(format.File{}, d.unreadable(err))
			return
		}
	}
	d.below(ctx, asDir(d.literal), yield)
}

// below yields the files whose keys start with prefix and pass the filters.
func (d *discovery) below(ctx context.Context, prefix string, yield func(format.File, error) bool) {
	found := false
	for info, err := range d.list(ctx, prefix) {
		if err != nil {
			yield(format.File{}, d.unreadable(err))
			return
		}
		found = true
		key := info.Name()
		if d.glob != nil && !d.glob.match(key) || !d.filter.keep(key, info.ModTime()) {
			continue
		}
		if !yield(d.file(key, info.Size(), info.ModTime()), nil) {
			return
		}
	}
	if !found && !d.isDir(prefix[:strings.LastIndexByte(prefix, '/')+1]) {
		yield(format.File{}, errclass.New("PATH_NOT_FOUND", "42K03", "path does not exist: %s", d.loc))
	}
}

// unreadable says that a place cannot be looked at.
func (d *discovery) unreadable(err error) error {
	return errclass.New("FAILED_READ_FILE.NO_HINT", "KD001", "discover %s: %w", d.loc, err)
}

// isDir tells an empty directory from none, in stores that have directories.
func (d *discovery) isDir(key string) bool {
	dirs, ok := d.store.(interface{ IsDir(key string) bool })
	return ok && dirs.IsDir(key)
}

// named yields the files of COPY INTO's FILES.
func (d *discovery) named(ctx context.Context, names []string, yield func(format.File, error) bool) {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		key := asDir(d.literal) + strings.TrimPrefix(name, "./")
		if seen[key] {
			continue
		}
		seen[key] = true
		f, err := d.open(ctx, key)
		if err != nil {
			err = &format.FileError{Path: d.loc.At(key).String(), Missing: errors.Is(err, fs.ErrNotExist), Err: err}
		} else if !d.filter.timeAndName(key, f.ModTime) {
			continue
		}
		if !yield(f, err) {
			return
		}
	}
}

// open looks at one file.
func (d *discovery) open(ctx context.Context, key string) (format.File, error) {
	size, modTime, err := object.Stat(ctx, d.store, key)
	if err != nil {
		return format.File{}, err
	}
	return d.file(key, size, time.UnixMicro(modTime)), nil
}

func (d *discovery) file(key string, size int64, modTime time.Time) format.File {
	return format.File{Path: d.loc.At(key).String(), Store: d.store, Key: key, Size: size, ModTime: modTime}
}

// asDir returns the key as the prefix of what is below it.
func asDir(key string) string {
	if key == "" || strings.HasSuffix(key, "/") {
		return key
	}
	return key + "/"
}
