// Package state keeps what a stateful query remembers between batches, in the
// flow's checkpoint (semantics §10.2):
//
//	state/<op>/schema                    the columns, and what they are for
//	state/<op>/<partition>/<N>.delta     what batch N has made of the state
//	state/<op>/<partition>/<N>.merged    the same in fewer runs
//	state/<op>/<partition>/<N>-<id>.run  rows, that the files above list
//	state/<op>/<partition>/<N>-<id>.rows what batch N brings to the target
//
// A version is a batch: it is there once its delta is. The delta lists runs:
// rows in the order of a [Key], with an index, so that a batch reads what it is
// about and no more. What is kept at a version is that of several runs, of rows
// with equal keys that of the latest. Runs are merged when there are many of a
// size, so that there are never more than the logarithm of the rows, and rows
// whose time is over go with the run or the merge that they are in, unread.
//
// A file is written whole or not at all, and never replaced. A batch may run
// several times, and each time make something else of its input, when that
// joins a table which changes: the first run of it to write the delta decides,
// and the others take that as it is, also one that slept meanwhile and was
// overtaken. Runs and rows have names of their own for that: whose delta does
// not come to be leaves files that nothing lists, until they are purged.
package state

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
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
	newID    func() string
	operator string // prefix of the operator's files
	prefix   string // of those of its partition
	digest   string // of the file schema
	columns  *schema.Struct
	keys     int
	layout   *arrow.Schema
	message  []byte   // the layout
	last     *version // that was read or written last
}

// Config says what a state is of. All fields but Operator and Fresh are
// required.
type Config struct {
	Checkpoint object.Store // of the flow
	Operator   int          // its number in the query
	Columns    *schema.Struct
	Keys       int // so many columns, the first
	// Query is what the columns come from: another one cannot go on with the
	// state.
	Query string
	// Fresh says that the flow has finished no batch yet.
	Fresh bool
	// NewID returns what is part of a file's name that no other file has.
	NewID func() string
}

const (
	deltaSuffix    = ".delta"
	mergedSuffix   = ".merged"
	runSuffix      = ".run"
	rowsSuffix     = ".rows"
	maxSchemaBytes = 16 << 20
	// layoutVersion is that of the files: 1 had no index, in 2 the delta had
	// the rows too.
	layoutVersion = 3
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

// Open opens the state of an operator, creating it when there is none.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	all := slices.Clone(cfg.Columns.Fields)
	for _, name := range []string{LeadColumn, HashColumn, EndsColumn} {
		all = append(all, schema.Field{Name: name, Type: schema.Long})
	}
	s := &Store{store: cfg.Checkpoint, newID: cfg.NewID, operator: fmt.Sprintf("state/%d/", cfg.Operator), columns: schema.New(all...), keys: cfg.Keys}
	s.prefix, s.layout = s.operator+"0/", schema.ToArrow(s.columns)
	var err error
	if s.message, err = message(s.layout); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	want, err := json.Marshal(described{Version: layoutVersion, Columns: cfg.Columns.JSON(), Query: cfg.Query})
	if err != nil {
		return nil, err
	}
	s.digest = fmt.Sprintf("%x", sha256.Sum256(want))
	return s, s.describe(ctx, want, cfg.Fresh)
}

// describe sees to it that the state is of what is wanted.
func (s *Store) describe(ctx context.Context, want []byte, fresh bool) error {
	key := s.operator + "schema"
	have, err := s.schema(ctx)
	if errors.Is(err, fs.ErrNotExist) && !fresh {
		return changed("the flow has kept no state so far, or its checkpoint has lost it")
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.store.PutIfAbsent(ctx, key, want); errors.Is(err, fs.ErrExist) {
			have, err = s.schema(ctx)
		} else {
			have = want
		}
	}
	if err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	if !bytes.Equal(have, want) && fresh {
		// If the first batch has kept something under it, its delta says so.
		return s.store.Put(ctx, key, want)
	}
	if !bytes.Equal(have, want) {
		return unfit(key, have)
	}
	return nil
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

// Fits refuses a query that needs state where the flow has kept none, and one
// that needs none where it has: either would go on without what came before.
// The flow has finished a batch.
func Fits(ctx context.Context, checkpoint object.Store, operator int, needed bool) error {
	s := &Store{store: checkpoint, operator: fmt.Sprintf("state/%d/", operator)}
	_, err := s.schema(ctx)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && needed:
		return changed("the flow has kept no state so far")
	case !missing && err == nil && !needed:
		return changed("the flow has kept state so far, and would keep none")
	case missing:
		return nil
	}
	return err
}

// schema reads the file schema.
func (s *Store) schema(ctx context.Context) ([]byte, error) {
	body, err := object.ReadAll(ctx, s.store, s.operator+"schema", maxSchemaBytes)
	if errors.Is(err, object.ErrTooLarge) {
		return nil, damaged(s.operator+"schema", "is larger than any that was written")
	}
	return body, err
}

// damaged is the error of a file that is not what was written.
func damaged(key, what string) error {
	return errclass.New("CANNOT_LOAD_STATE_STORE.UNCATEGORIZED", "58030",
		"The file %s of the checkpoint %s. Restore it from a copy, or load everything anew with REFRESH STREAMING TABLE … FULL.", key, what)
}

// Columns returns the columns of the rows, the order's last.
func (s *Store) Columns() *schema.Struct { return s.columns }

// name returns a name for a file of a version that no other file has.
func (s *Store) name(version int64, suffix string) string {
	return strconv.FormatInt(version, 10) + "-" + s.newID() + suffix
}

// Run is a run, as a version lists it.
type Run struct {
	File string `json:"file"`
	Rows int64  `json:"rows"`
	Ends int64  `json:"ends"` // when the last of its rows ends
	Over int64  `json:"over"` // rows that end up to here are gone
}

// footer is the end of a run.
type footer struct {
	Pages []page `json:"pages"`
}

// View is what is kept at a version.
type View struct {
	store *Store
	runs  []Run // oldest first
}

// At returns what a version has left; before the first batch there is nothing.
func (s *Store) At(ctx context.Context, number int64) (*View, error) {
	if number < 0 {
		return &View{store: s}, nil
	}
	v, err := s.known(ctx, number)
	if err != nil {
		return nil, err
	}
	return &View{store: s, runs: v.Runs}, nil
}

// Info reads what was kept of a batch besides its rows; ok is false when the
// version is not there.
func (s *Store) Info(ctx context.Context, number int64, into any) (ok bool, err error) {
	v, err := s.version(ctx, number)
	if v == nil || err != nil {
		return false, err
	}
	if err := json.Unmarshal(v.Info, into); err != nil {
		return false, damaged(s.key(number, deltaSuffix), "cannot be read: "+err.Error())
	}
	return true, nil
}

// Change is what a batch changes.
type Change struct {
	Version int64
	// Over is up to when groups are gone with it, in microseconds since 1970;
	// [math.MinInt64] is none.
	Over int64
	// Rows are the rows that have changed, in the order of their keys.
	Rows iter.Seq2[arrow.RecordBatch, error]
	// Info says, when all rows are read, what else is to be known of the batch.
	Info func() (json.RawMessage, error)
	// Brings is what [Store.WriteRows] has returned, if it was called.
	Brings string
}

// Write keeps what a batch changes. The rows of the version are then those, and
// what they do not replace of the version before. If another run has written
// the version meanwhile it is as that run has left it.
func (s *Store) Write(ctx context.Context, c Change) error {
	before, err := s.At(ctx, c.Version-1)
	if err != nil {
		return err
	}
	v := &version{number: c.Version, Schema: s.digest, Brings: c.Brings}
	for _, r := range before.runs {
		if r.Over = max(r.Over, c.Over); r.Ends > r.Over {
			v.Runs = append(v.Runs, r)
		}
	}
	v.Delta = Run{File: s.name(c.Version, runSuffix), Over: c.Over}
	if err := s.writeRun(ctx, &v.Delta, c.Rows); err != nil {
		return err
	}
	if v.Delta.Ends > c.Over {
		v.Runs = append(v.Runs, v.Delta)
	}
	if v.Info, err = c.Info(); err != nil {
		return err
	}
	return s.publish(ctx, v, deltaSuffix)
}

// Merge merges runs of a version, if there are many of a size.
func (s *Store) Merge(ctx context.Context, number int64) error {
	v, err := s.known(ctx, number)
	if err != nil {
		return err
	}
	from, ok := tier(v.Runs)
	if !ok {
		return nil
	}
	run := Run{File: s.name(number, runSuffix), Over: math.MaxInt64}
	for _, r := range v.Runs[from:] {
		run.Over = min(run.Over, r.Over)
	}
	part := &View{store: s, runs: v.Runs[from:]}
	if err := s.writeRun(ctx, &run, part.All(ctx)); err != nil {
		return err
	}
	merged := *v
	if merged.Runs = slices.Clone(v.Runs[:from]); run.Ends > run.Over {
		merged.Runs = append(merged.Runs, run)
	}
	return s.publish(ctx, &merged, mergedSuffix)
}

// writeRun writes a run, and notes what it has.
func (s *Store) writeRun(ctx context.Context, run *Run, rows iter.Seq2[arrow.RecordBatch, error]) error {
	return s.writeFile(ctx, s.prefix+run.File, func(to *blockWriter) (any, error) {
		w := newRunWriter(to, s.layout)
		for rec, err := range rows {
			if err == nil {
				err = w.write(rec)
			}
			if err != nil {
				return nil, err
			}
		}
		err := w.flush()
		run.Rows, run.Ends = w.rows, w.ends
		return footer{Pages: w.pages}, err
	})
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
func (s *Store) Delta(ctx context.Context, number int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		v, err := s.known(ctx, number)
		if err != nil {
			yield(nil, err)
			return
		}
		changed := v.Delta
		changed.Over = math.MinInt64
		(&View{store: s, runs: []Run{changed}}).All(ctx)(yield)
	}
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
			key := s.prefix + r.File
			file, err := s.open(ctx, key, &f)
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
func (s *Store) Purge(ctx context.Context, number int64) error {
	v, err := s.version(ctx, number)
	if v == nil || err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, r := range v.Runs {
		needed[s.prefix+r.File] = true
	}
	var old []string
	for in, err := range s.store.List(ctx, s.prefix, "") {
		if err != nil {
			return fmt.Errorf("list state: %w", err)
		}
		if of, ok := versionOf(strings.TrimPrefix(in.Name(), s.prefix)); ok && of < number && !needed[in.Name()] {
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
