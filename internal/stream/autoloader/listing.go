package autoloader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

const (
	// settled is for how long a directory must not have changed before it is
	// taken to be the same as long as its stamp is: file systems tell times
	// that are closer apart than their clocks tick, 2 s at most, as one.
	settled = 3 * time.Second
	// maxDirectories bounds the directories that are remembered.
	maxDirectories = 100_000
	// maxIncremental is how many incremental listings come in a row before
	// everything is listed (semantics §2.5).
	maxIncremental = 7
	// minLexical is how many full listings must have shown new files only
	// after all known ones before useIncrementalListing=auto relies on that.
	minLexical = 2
	// saveEvery is how often, at most, a running flow stores what listings
	// have shown. Losing it costs a full listing.
	saveEvery = time.Minute
	// maxSkew is how far clocks of runs may differ.
	maxSkew = 24 * time.Hour
	// maxListing bounds the stored record.
	maxListing = 64 << 20 // bytes
)

// listing is what past listings have shown, kept beside the file state. It
// saves work alone: without it everything is listed.
type listing struct {
	// Config is what was listed; a record of anything else is worthless.
	Config string `json:"config"`
	// Forgets and Next are those of the file state.
	Forgets int64 `json:"forgets"`
	Next    int64 `json:"next"`
	// Last is the greatest path seen, Incremental how many listings have begun
	// there since the last full one, and Lexical how many full ones in a row
	// have shown new files only after it.
	Last        string `json:"last,omitempty"`
	Incremental int    `json:"incremental,omitempty"`
	Lexical     int    `json:"lexical,omitempty"`
	// The last backfill, in ms since 1970.
	BackfillStart  int64 `json:"lastBackfillStartTimeMs"`
	BackfillFinish int64 `json:"lastBackfillFinishTimeMs"`
	// Directories are those whose files are all known, by key.
	Directories map[string]directory `json:"directories,omitempty"`

	saved time.Time
}

type directory struct {
	Stamp object.Stamp `json:"stamp"`
	Below []string     `json:"below,omitempty"`
}

func (s *Source) listingKey() string { return s.cfg.State + "listing.json" }

// loadListing reads the record of past listings. One that cannot be used is
// none.
func (s *Source) loadListing(ctx context.Context) (*listing, error) {
	fresh := &listing{Config: s.listed(), Forgets: s.state.Forgets()}
	body, err := object.ReadAll(ctx, s.cfg.Checkpoint, s.listingKey(), maxListing)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, object.ErrTooLarge):
		return fresh, nil
	case err != nil:
		return nil, fmt.Errorf("read past listings: %w", err)
	}
	var l listing
	// A state that is older does not know what was listed.
	if err := json.Unmarshal(body, &l); err == nil && l.Config == fresh.Config && l.Next <= s.state.Next() && l.sound(s.cfg.Clock()) {
		return &l, nil
	}
	return fresh, nil
}

// sound reports whether a record could put off the next full listing no longer
// than one that a run has made, whatever clock it had.
func (l *listing) sound(now time.Time) bool {
	return l.Incremental >= 0 && l.Lexical >= 0 && l.BackfillStart >= 0 && l.BackfillStart <= now.Add(maxSkew).UnixMilli()
}

// listed says what is listed and how: all that decides about which files a
// listing shows.
func (s *Source) listed() string {
	text := []string{s.cfg.Path, s.set.Base()}
	for _, name := range []string{"allowOverwrites", "badRecordsPath", "ignoredPathSegmentRegex", "modifiedAfter", "modifiedBefore", "pathGlobFilter", "schemaLocation", "useStrictGlobber"} {
		text = append(text, name+"="+s.opts.Text(name))
	}
	return strings.Join(text, "\n")
}

// saveListing stores the record, unless that was done a moment ago.
func (s *Source) saveListing(ctx context.Context, now time.Time) error {
	if s.listing.saved.Add(saveEvery).After(now) {
		return nil
	}
	s.listing.Next = s.state.Next()
	body, err := json.Marshal(s.listing)
	if err != nil {
		return err
	}
	if err := s.cfg.Checkpoint.Put(ctx, s.listingKey(), body); err != nil {
		return fmt.Errorf("store past listings: %w", err)
	}
	s.listing.saved = now
	return nil
}

// round is one listing.
type round struct {
	source   *Source
	ctx      context.Context // of the call that the round is
	backfill bool            // everything is listed, whatever is known
	after    string
	only     []string // the files told of; nil when they are to be listed
	seen     *filestate.Seen
	err      error // of looking up what is known

	last        string // the greatest path that was listed
	changed     bool   // a directory was read
	directories map[string]directory
}

// round decides how to list: what sorts after the last file, what directories
// have gained, or everything (semantics §2.5).
func (s *Source) round(ctx context.Context, now time.Time, how filestate.Discovery, told []string) *round {
	l := s.listing
	if l.Forgets != s.state.Forgets() {
		l.Forgets, l.Directories, l.Last = s.state.Forgets(), nil, ""
	}
	r := &round{source: s, ctx: ctx, seen: s.state.Seen(how), directories: map[string]directory{}}
	every := s.opts.Interval("backfillInterval")
	r.only = told
	r.backfill = l.BackfillStart == 0 || every > 0 && now.Sub(time.UnixMilli(l.BackfillStart)) >= every
	if r.backfill || told != nil {
		return r
	}
	mode := s.opts.Enum("useIncrementalListing")
	lexical := mode == "true" || mode == listAuto && l.Lexical >= minLexical
	if lexical && l.Last != "" && l.Incremental < maxIncremental {
		r.after = l.Last
	}
	return r
}

// look is what the round asks of the discovery of files.
func (r *round) look() files.Look {
	if r.only != nil && !r.backfill {
		return files.Look{Only: r.only}
	}
	look := files.Look{After: r.after}
	// What a file's time decides may change without its directory.
	opts := r.source.opts
	if !opts.Bool("allowOverwrites") && !opts.Given("modifiedAfter") && !opts.Given("modifiedBefore") {
		look.Memory = r
	}
	return look
}

// Known implements [files.Memory].
func (r *round) Known(path string) bool {
	r.last = max(r.last, path)
	if r.err != nil {
		return false
	}
	var known bool
	known, r.err = r.seen.Has(r.ctx, path)
	return known && r.err == nil
}

// Unchanged implements [files.Memory].
func (r *round) Unchanged(dir string, stamp object.Stamp) (below []string, ok bool) {
	d, ok := r.source.listing.Directories[dir]
	if !ok || r.backfill || !d.Stamp.Same(stamp) {
		return nil, false
	}
	r.directories[dir] = d
	return d.Below, true
}

// Listed implements [files.Memory].
func (r *round) Listed(dir string, stamp object.Stamp, below []string) {
	r.changed = true
	if stamp.Taken-max(stamp.Changed, stamp.Modified) > settled.Nanoseconds() && len(r.directories) < maxDirectories {
		r.directories[dir] = directory{Stamp: stamp, Below: below}
	}
}

// done takes over what the round has shown. from is the first sequence number
// of the files that were new.
func (r *round) done(ctx context.Context, now time.Time, from int64) error {
	s, l := r.source, r.source.listing
	lexical, fresh := true, s.state.Next() > from
	for e, err := range s.state.Pending(ctx, from, s.state.Next()) {
		if err != nil {
			return err
		}
		lexical = lexical && e.Path > l.Last
		s.backlog.files, s.backlog.bytes = s.backlog.files+1, s.backlog.bytes+e.Size
	}
	if r.only != nil && !r.backfill {
		return nil // nothing was listed
	}
	r.changed = r.changed || fresh || r.backfill
	if r.after != "" {
		l.Incremental++
		r.changed = true
	} else {
		r.full(now, lexical, fresh)
	}
	l.Last = max(l.Last, r.last)
	if !r.changed {
		return nil
	}
	return s.saveListing(ctx, now)
}

// full takes over a listing that showed all there is.
func (r *round) full(now time.Time, lexical, fresh bool) {
	l := r.source.listing
	l.Directories, l.Incremental = r.directories, 0
	switch {
	case !lexical:
		l.Lexical = 0
	case fresh && l.Last != "":
		l.Lexical++
	}
	if r.backfill {
		l.BackfillStart, l.BackfillFinish = now.UnixMilli(), r.source.cfg.Clock().UnixMilli()
	}
}

// Discover finds the files that are new and takes them in.
func (s *Source) Discover(ctx context.Context) (err error) {
	if s.listing == nil {
		if err := s.state.Sweep(ctx, s.cfg.Clock()); err != nil {
			return err
		}
		if s.listing, err = s.loadListing(ctx); err != nil {
			return err
		}
	}
	told, err := s.notices(ctx)
	if err != nil {
		return err
	}
	if err := s.told(ctx, s.discover(ctx, told)); err != nil {
		return err
	}
	return s.clean(ctx)
}

// discover makes a round.
func (s *Source) discover(ctx context.Context, told []string) error {
	now := s.cfg.Clock()
	how := filestate.Discovery{
		Now: now.UnixMicro(), Overwrites: s.opts.Bool("allowOverwrites"),
		Ignore: s.first && !s.opts.Bool("includeExistingFiles"),
	}
	r := s.round(ctx, now, how, told)
	if told != nil && len(told) == 0 && !r.backfill {
		return nil // nothing has come
	}
	defer r.seen.Close()
	from := s.state.Next()
	_, err := s.state.Discover(ctx, r.files, how)
	if err = errors.Join(r.err, err); err != nil {
		return err
	}
	s.first = false
	return r.done(ctx, now, from)
}

// files yields the files that the round finds.
func (r *round) files(yield func(filestate.File, error) bool) {
	for f, err := range r.source.set.New(r.ctx, r.look()) {
		if r.source.emptied(err) {
			return
		}
		if err != nil {
			yield(filestate.File{}, err)
			return
		}
		r.last = max(r.last, f.Path)
		if !yield(filestate.File{Path: f.Path, Size: f.Size, ModTime: f.ModTime.UnixMicro()}, nil) {
			return
		}
	}
}
