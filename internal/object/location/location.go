// Package location reads the names that users give to places: URIs such as
// file:///data/in or s3://bucket/in, and plain paths.
package location

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
)

// Location is a key in a store. Nothing is percent-decoded, as in Hadoop's
// paths: each character stands for itself (semantics §18.2).
type Location struct {
	Scheme    string // lower case: file, s3, …
	Authority string // bucket or host; empty for file
	Key       string // without leading slash; a trailing slash means a directory
}

// Parse reads a URI, or a path of the local file system, which is relative to
// dir. File paths are cleaned of "." and ".." and doubled slashes; keys of
// other schemes are taken as they are.
func Parse(text, dir string) (Location, error) {
	if text == "" {
		return Location{}, errclass.New("INVALID_EMPTY_LOCATION", "42K05", "the location name cannot be empty string, but \"\" was given")
	}
	scheme, rest, ok := cutScheme(text)
	if !ok {
		return localPath(text, dir)
	}
	l := Location{Scheme: strings.ToLower(scheme)}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		l.Authority, rest, _ = strings.Cut(after, "/")
	}
	l.Key = strings.TrimLeft(rest, "/")
	if l.Scheme != "file" {
		return l, nil
	}
	if l.Authority != "" && l.Authority != "localhost" {
		return Location{}, errclass.New("INVALID_URI", "42K05", "%s names the host %s; files of this machine are file:///path", text, l.Authority)
	}
	return localPath("/"+l.Key, dir)
}

// cutScheme splits "s3://b/k" into "s3" and "//b/k". A colon that no slash
// follows belongs to a file's name.
func cutScheme(text string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(text, ":")
	if !ok || scheme == "" || !strings.HasPrefix(rest, "/") {
		return "", "", false
	}
	for i, r := range scheme {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return "", "", false
		}
	}
	return scheme, rest, true
}

func localPath(text, dir string) (Location, error) {
	slashed := filepath.ToSlash(text)
	if !path.IsAbs(slashed) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Location{}, fmt.Errorf("resolve %s: %w", text, err)
		}
		slashed = filepath.ToSlash(abs) + "/" + slashed
	}
	key := strings.TrimPrefix(path.Clean(slashed), "/")
	if key != "" && (strings.HasSuffix(slashed, "/") || strings.HasSuffix(slashed, "/.")) {
		key += "/"
	}
	return Location{Scheme: "file", Key: key}, nil
}

// String returns the URI as users see it in file_path: file:///data/x.csv,
// s3://bucket/x.csv.
func (l Location) String() string {
	return l.Scheme + "://" + l.Authority + "/" + l.Key
}

// At returns the location of another key of the same store.
func (l Location) At(key string) Location {
	l.Key = key
	return l
}

// Opener opens the store that a location is in: of file, that is the whole
// file system, of s3 the bucket.
type Opener func(ctx context.Context, l Location) (object.Store, error)

// Openers are the schemes that can be opened.
type Openers map[string]Opener

// Local returns openers for the file system of this machine alone.
func Local() Openers {
	files := local.New("/")
	return Openers{"file": func(context.Context, Location) (object.Store, error) { return files, nil }}
}

// Open returns the store of l. A scheme without opener is an error that lists
// those there are.
func (o Openers) Open(ctx context.Context, l Location) (object.Store, error) {
	open, ok := o[l.Scheme]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(o)), ", ")
		return nil, errclass.New("UNSUPPORTED_FILE_SYSTEM", "0A000",
			"%s: locations of scheme %q are not supported; supported are: %s, and plain paths", l, l.Scheme, known)
	}
	store, err := open(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	return store, nil
}
