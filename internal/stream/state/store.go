// Package state keeps what a stateful query remembers between batches, in the
// flow's checkpoint (semantics §10.2):
//
//	state/<op>/schema                    the columns, and what they are for
//	state/<op>/<partition>/<N>.delta     the rows that batch N has changed
//	state/<op>/<partition>/<N>.merged    rows that were in several files before
//	state/<op>/<partition>/<N>.rows      what batch N brings to the target
//
// A version is a batch: it is there once its delta is. Deltas and merged files
// are runs: rows in the order of a [Key], with an index, so that a batch reads
// what it is about and no more. What is kept at a version is that of several
// runs, of rows with equal keys that of the latest; the newest file of a version
// lists them. Runs are merged when there are many of a size, so that there are
// never more than the logarithm of the rows, and rows whose time is over go
// with the run or the merge that they are in, unread.
//
// A file is written whole or not at all, and never written differently: a
// batch that runs again takes its delta as it is.
package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/schema"
)

// Store is the state of one operator. It is for one run at a time, and not
// safe for concurrent use.
type Store struct {
	store    object.Store
	operator string // prefix of the operator's files
	prefix   string // of those of its partition
	columns  *schema.Struct
	keys     int
	layout   *arrow.Schema
	message  []byte // the layout
	last     *View  // the version that was read or written last
}

const (
	deltaSuffix    = ".delta"
	mergedSuffix   = ".merged"
	rowsSuffix     = ".rows"
	maxSchemaBytes = 16 << 20
	// layoutVersion is that of the files: 1 had no index.
	layoutVersion = 2
)

// Columns that rows have besides those they are opened with, all BIGINT: the
// key, and when the group of a row ends, in microseconds since 1970.
const (
	LeadColumn = "_lead"
	HashColumn = "_hash"
	EndsColumn = "_ends"
)

// described is the file schema.
type described struct {
	Version int             `json:"version"`
	Columns json.RawMessage `json:"columns"`
	Query   string          `json:"query"`
}

// Open opens the state of an operator, by its number in the query, creating it
// when there is none; the first columns are so many keys. The query is what
// the columns come from: another one cannot go on with the state. fresh says
// that the flow has run no batch yet.
func Open(ctx context.Context, store object.Store, operator int, columns *schema.Struct, keys int, query string, fresh bool) (*Store, error) {
	all := slices.Clone(columns.Fields)
	for _, name := range []string{LeadColumn, HashColumn, EndsColumn} {
		all = append(all, schema.Field{Name: name, Type: schema.Long})
	}
	s := &Store{store: store, operator: fmt.Sprintf("state/%d/", operator), columns: schema.New(all...), keys: keys}
	s.prefix, s.layout = s.operator+"0/", schema.ToArrow(s.columns)
	var err error
	if s.message, err = message(s.layout); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	want, err := json.Marshal(described{Version: layoutVersion, Columns: columns.JSON(), Query: query})
	if err != nil {
		return nil, err
	}
	key := s.operator + "schema"
	have, err := s.readSmall(ctx, key)
	if errors.Is(err, fs.ErrNotExist) && !fresh {
		return nil, changed("the flow has kept no state so far, or its checkpoint has lost it")
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = store.PutIfAbsent(ctx, key, want); errors.Is(err, fs.ErrExist) {
			have, err = s.readSmall(ctx, key)
		} else {
			have = want
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if !bytes.Equal(have, want) && fresh {
		// Nothing has been kept under it yet.
		return s, store.Put(ctx, key, want)
	}
	if !bytes.Equal(have, want) {
		return nil, unfit(key, have)
	}
	return s, nil
}

// unfit says why a state cannot be gone on with.
func unfit(key string, have []byte) error {
	var d described
	if err := json.Unmarshal(have, &d); err != nil {
		return damaged(key, "is no description of state")
	}
	if d.Version != layoutVersion {
		return errclass.New("CANNOT_LOAD_STATE_STORE.UNCATEGORIZED", "58030",
			"The state of the query is of layout %d, and this version of freshet keeps layout %d. "+
				"Load the streaming table anew with REFRESH STREAMING TABLE … FULL, give the flow a new checkpoint, or go on with the version that has kept it.",
			max(d.Version, 1), layoutVersion)
	}
	return changed("its state was kept for another query")
}

// changed refuses to go on with the state of another query.
func changed(why string) error {
	return errclass.New("STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "XXKST",
		"The query has changed in what it keeps between batches: %s. Load the streaming table anew with REFRESH STREAMING TABLE … FULL, or give the flow a new checkpoint.", why)
}

func (s *Store) readSmall(ctx context.Context, key string) (body []byte, err error) {
	o, err := s.store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() > maxSchemaBytes {
		return nil, damaged(key, fmt.Sprintf("has %d bytes", o.Size()))
	}
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// damaged is the error of a file that is not what was written.
func damaged(key, what string) error {
	return errclass.New("CANNOT_LOAD_STATE_STORE.UNCATEGORIZED", "58030",
		"The file %s of the checkpoint %s. Restore it from a copy, or load everything anew with REFRESH STREAMING TABLE … FULL.", key, what)
}

// Columns returns the columns of the rows, the order's last.
func (s *Store) Columns() *schema.Struct { return s.columns }

func (s *Store) key(version int64, suffix string) string {
	return s.prefix + strconv.FormatInt(version, 10) + suffix
}

// Run is a run, as a version lists it.
type Run struct {
	Version int64 `json:"version"` // of the batch that has written it
	Merged  bool  `json:"merged,omitempty"`
	Rows    int64 `json:"rows"`
	Ends    int64 `json:"ends"` // when the last of its rows ends
	Over    int64 `json:"over"` // rows that end up to here are gone
}

func (s *Store) runKey(r Run) string {
	if r.Merged {
		return s.key(r.Version, mergedSuffix)
	}
	return s.key(r.Version, deltaSuffix)
}

// footer is the end of a file.
type footer struct {
	Info  json.RawMessage `json:"info,omitempty"`
	Runs  []Run           `json:"runs"` // of the version, oldest first
	Pages []page          `json:"pages"`
}

// View is what is kept at a version.
type View struct {
	store   *Store
	version int64
	runs    []Run // oldest first
}

// At returns what a version has left; before the first batch there is nothing.
func (s *Store) At(ctx context.Context, version int64) (*View, error) {
	if version < 0 {
		return &View{store: s, version: version}, nil
	}
	if s.last != nil && s.last.version == version {
		return s.last, nil
	}
	for _, suffix := range []string{mergedSuffix, deltaSuffix} {
		var f footer
		ok, err := s.footer(ctx, s.key(version, suffix), &f)
		if err != nil {
			return nil, err
		}
		if ok {
			s.last = &View{store: s, version: version, runs: f.Runs}
			return s.last, nil
		}
	}
	return nil, damaged(s.key(version, deltaSuffix), "is missing")
}

// footer reads the end of a file; ok is false when there is no such file.
func (s *Store) footer(ctx context.Context, key string, to any) (ok bool, err error) {
	f, err := s.open(ctx, key, to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.close()
}

func (s *Store) open(ctx context.Context, key string, footer any) (*file, error) {
	o, err := s.store.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return openFile(key, o, footer)
}

// Info returns what was kept of a batch besides its rows; ok is false when the
// version is not there.
func (s *Store) Info(ctx context.Context, version int64) (info json.RawMessage, ok bool, err error) {
	var f footer
	ok, err = s.footer(ctx, s.key(version, deltaSuffix), &f)
	return f.Info, ok, err
}

// Write keeps the rows that a batch has changed, in the order of their keys,
// and then, when all of them are read, what info says is to be known of it. The
// rows of the version are then those and what they do not replace of the
// version before, without the groups that end up to over, in microseconds since
// 1970; [math.MinInt64] is none.
func (s *Store) Write(
	ctx context.Context, version, over int64, rows iter.Seq2[arrow.RecordBatch, error], info func() (json.RawMessage, error),
) error {
	before, err := s.At(ctx, version-1)
	if err != nil {
		return err
	}
	var runs []Run
	for _, r := range before.runs {
		if r.Over = max(r.Over, over); r.Ends > r.Over {
			runs = append(runs, r)
		}
	}
	return s.write(ctx, Run{Version: version, Over: over}, runs, rows, info)
}

// Merge merges runs of a version, if there are many of a size.
func (s *Store) Merge(ctx context.Context, version int64) error {
	v, err := s.At(ctx, version)
	if err != nil {
		return err
	}
	from, ok := tier(v.runs)
	if !ok {
		return nil
	}
	merged := Run{Version: version, Merged: true, Over: math.MaxInt64}
	for _, r := range v.runs[from:] {
		merged.Over = min(merged.Over, r.Over)
	}
	part := &View{store: s, version: version, runs: v.runs[from:]}
	return s.write(ctx, merged, slices.Clone(v.runs[:from]), part.All(ctx), func() (json.RawMessage, error) { return nil, nil })
}

// write writes a run, and that the version is it and others.
func (s *Store) write(
	ctx context.Context, run Run, others []Run, rows iter.Seq2[arrow.RecordBatch, error], info func() (json.RawMessage, error),
) error {
	err := s.writeFile(ctx, s.runKey(run), func(to *blockWriter) (any, error) {
		w := newRunWriter(to, s.layout)
		for rec, err := range rows {
			if err == nil {
				err = w.write(rec)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := w.flush(); err != nil {
			return nil, err
		}
		if run.Rows, run.Ends = w.rows, w.ends; run.Ends > run.Over {
			others = append(others, run)
		}
		known, err := info()
		return footer{Info: known, Runs: others, Pages: w.pages}, err
	})
	if err == nil {
		s.last = &View{store: s, version: run.Version, runs: others}
	}
	return err
}

// writeFile writes a file, whole or not at all; body writes its blocks and
// returns its footer.
func (s *Store) writeFile(ctx context.Context, key string, body func(*blockWriter) (any, error)) (err error) {
	up, err := s.store.Create(ctx, key)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write state: %w", err), up.Abort())
		}
	}()
	w, err := newBlockWriter(up)
	if err != nil {
		return err
	}
	defer w.pack.Close() //nolint:errcheck // it has nothing to flush
	end, err := body(w)
	if err != nil {
		return err
	}
	if err := w.end(end); err != nil {
		return err
	}
	return up.Close()
}

// Delta yields the rows that a batch has changed.
func (s *Store) Delta(ctx context.Context, version int64) iter.Seq2[arrow.RecordBatch, error] {
	v := &View{store: s, version: version, runs: []Run{{Version: version, Over: math.MinInt64}}}
	return v.All(ctx)
}

// Over returns up to when, at least, the groups that have ended are gone.
func (v *View) Over() int64 {
	over := int64(math.MaxInt64)
	for _, r := range v.runs {
		over = min(over, r.Over)
	}
	return over
}

// All yields all rows, in the order of their keys.
func (v *View) All(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return v.Find(ctx, everything)
}

// Find yields the rows that are wanted, in the order of their keys.
func (v *View) Find(ctx context.Context, want *Wanted) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if len(want.spans) == 0 {
			return
		}
		s := v.store
		var cursors []*cursor
		for _, r := range slices.Backward(v.runs) {
			var f footer
			key := s.runKey(r)
			file, err := s.open(ctx, key, &f)
			if errors.Is(err, fs.ErrNotExist) {
				err = damaged(key, "is missing")
			}
			if err != nil {
				closing(cursors, func(yield func(arrow.RecordBatch, error) bool) { yield(nil, err) })(yield)
				return
			}
			cursors = append(cursors, &cursor{file: file, pages: f.Pages, columns: s.message, want: want, over: r.Over})
		}
		closing(cursors, merge(ctx, s.layout, s.keys, cursors))(yield)
	}
}

// Purge deletes the files that no version from the given one on needs.
func (s *Store) Purge(ctx context.Context, version int64) error {
	var f footer
	if ok, err := s.footer(ctx, s.key(version, mergedSuffix), &f); err != nil {
		return err
	} else if !ok {
		if ok, err = s.footer(ctx, s.key(version, deltaSuffix), &f); err != nil || !ok {
			return err
		}
	}
	needed := map[string]bool{}
	for _, r := range f.Runs {
		needed[s.runKey(r)] = true
	}
	var old []string
	for in, err := range s.store.List(ctx, s.prefix, "") {
		if err != nil {
			return fmt.Errorf("list state: %w", err)
		}
		if v, ok := s.versionOf(in.Name()); ok && v < version && !needed[in.Name()] {
			old = append(old, in.Name())
		}
	}
	for _, key := range old {
		if err := s.store.Delete(ctx, key); err != nil {
			return fmt.Errorf("purge state: %w", err)
		}
	}
	return nil
}

// versionOf returns the version that a file is of.
func (s *Store) versionOf(key string) (int64, bool) {
	name := strings.TrimPrefix(key, s.prefix)
	for _, suffix := range []string{deltaSuffix, mergedSuffix, rowsSuffix} {
		if digits, ok := strings.CutSuffix(name, suffix); ok {
			v, err := strconv.ParseInt(digits, 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
