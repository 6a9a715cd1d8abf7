// Package state keeps what a stateful query remembers between batches, in the
// flow's checkpoint (semantics §10.2):
//
//	state/<op>/schema                      the columns, and what they are for
//	state/<op>/<partition>/<N>.delta       the rows that batch N has changed
//	state/<op>/<partition>/<N>.snapshot    all rows as batch N has left them
//	state/<op>/<partition>/<N>.rows        what batch N brings to the target
//
// A version is a batch: it is there once its delta is. What is kept at a
// version is the newest snapshot up to it and the deltas since; of rows with
// equal keys that of the latest file counts. Telling which keys are equal is
// for the reader, who may have more rows than fit into memory.
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
	layout   *arrow.Schema
}

const (
	deltaSuffix    = ".delta"
	snapshotSuffix = ".snapshot"
	rowsSuffix     = ".rows"
	maxSchemaBytes = 16 << 20
)

// described is the file schema.
type described struct {
	Columns json.RawMessage `json:"columns"`
	Query   string          `json:"query"`
}

// Open opens the state of an operator, by its number in the query, creating it
// when there is none. The query is what the columns come from: another one
// cannot go on with the state. fresh says that the flow has run no batch yet.
func Open(ctx context.Context, store object.Store, operator int, columns *schema.Struct, query string, fresh bool) (*Store, error) {
	s := &Store{store: store, operator: fmt.Sprintf("state/%d/", operator), columns: columns, layout: schema.ToArrow(columns)}
	s.prefix = s.operator + "0/"
	want, err := json.Marshal(described{Columns: columns.JSON(), Query: query})
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
		return nil, changed("its state was kept for another query")
	}
	return s, nil
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

// Columns returns the columns of the rows.
func (s *Store) Columns() *schema.Struct { return s.columns }

func (s *Store) deltaKey(version int64) string {
	return s.prefix + strconv.FormatInt(version, 10) + deltaSuffix
}

func (s *Store) snapshotKey(version int64) string {
	return s.prefix + strconv.FormatInt(version, 10) + snapshotSuffix
}

// Write keeps the rows that a batch has changed and then, when all of them
// are read, what info says is to be known of it.
func (s *Store) Write(
	ctx context.Context, version int64, rows iter.Seq2[arrow.RecordBatch, error], info func() (json.RawMessage, error),
) error {
	return s.write(ctx, s.deltaKey(version), s.layout, rows, info)
}

// Snapshot keeps all rows of a version in one file, so that reading it needs
// no older ones.
func (s *Store) Snapshot(ctx context.Context, version int64, rows iter.Seq2[arrow.RecordBatch, error]) error {
	return s.write(ctx, s.snapshotKey(version), s.layout, rows, func() (json.RawMessage, error) { return json.RawMessage("{}"), nil })
}

// Info returns what was kept of a batch besides its rows; ok is false when the
// version is not there.
func (s *Store) Info(ctx context.Context, version int64) (info json.RawMessage, ok bool, err error) {
	return s.info(ctx, s.deltaKey(version))
}

// info returns the last block of a file.
func (s *Store) info(ctx context.Context, key string) (info json.RawMessage, ok bool, err error) {
	o, err := s.store.Open(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("open state: %w", err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	info, err = readInfo(key, o)
	return info, err == nil, err
}

// Delta yields the rows that a batch has changed.
func (s *Store) Delta(ctx context.Context, version int64) iter.Seq2[arrow.RecordBatch, error] {
	return s.read(ctx, s.deltaKey(version), s.layout)
}

// Chain is the files that hold the rows at a version, oldest first.
type Chain struct {
	store *Store
	files []chainFile
}

type chainFile struct {
	version int64
	key     string
}

// Chain returns what holds the rows as a version has left them; those before
// the first batch are none. A delta that is missing is an error.
func (s *Store) Chain(ctx context.Context, version int64) (*Chain, error) {
	c := &Chain{store: s}
	if version < 0 {
		return c, nil
	}
	deltas, base := map[int64]bool{}, int64(-1)
	err := s.each(ctx, func(v int64, suffix, _ string) error {
		switch {
		case v > version || suffix == rowsSuffix:
		case suffix == snapshotSuffix:
			base = max(base, v)
		default:
			deltas[v] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if base >= 0 {
		c.files = append(c.files, chainFile{base, s.snapshotKey(base)})
	}
	for v := base + 1; v <= version; v++ {
		if !deltas[v] {
			return nil, damaged(s.deltaKey(v), "is missing")
		}
		c.files = append(c.files, chainFile{v, s.deltaKey(v)})
	}
	return c, nil
}

// each calls do for each version's file.
func (s *Store) each(ctx context.Context, do func(version int64, suffix, key string) error) error {
	for in, err := range s.store.List(ctx, s.prefix, "") {
		if err != nil {
			return fmt.Errorf("list state: %w", err)
		}
		name := strings.TrimPrefix(in.Name(), s.prefix)
		for _, suffix := range []string{deltaSuffix, snapshotSuffix, rowsSuffix} {
			digits, ok := strings.CutSuffix(name, suffix)
			if v, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && v >= 0 {
				if err := do(v, suffix, in.Name()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Deltas returns how many deltas come after the newest snapshot.
func (c *Chain) Deltas() int {
	n := len(c.files)
	if n > 0 && strings.HasSuffix(c.files[0].key, snapshotSuffix) {
		n--
	}
	return n
}

// Read yields the rows of all files, each batch with the version it is of.
func (c *Chain) Read(ctx context.Context) iter.Seq2[Rows, error] {
	return func(yield func(Rows, error) bool) {
		for _, f := range c.files {
			for rec, err := range c.store.read(ctx, f.key, c.store.layout) {
				if !yield(Rows{rec, f.version}, err) || err != nil {
					return
				}
			}
		}
	}
}

// Rows are rows of one version. The batch is valid for one turn of the loop.
type Rows struct {
	arrow.RecordBatch
	Version int64
}

// Purge deletes the files that no version from the given one on needs.
func (s *Store) Purge(ctx context.Context, version int64) error {
	base, keys := int64(-1), map[string]int64{}
	err := s.each(ctx, func(v int64, suffix, key string) error {
		keys[key] = v
		if suffix == snapshotSuffix && v <= version {
			base = max(base, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, v := range keys {
		if v < base || v == base && key != s.snapshotKey(base) && v < version {
			if err := s.store.Delete(ctx, key); err != nil {
				return fmt.Errorf("purge state: %w", err)
			}
		}
	}
	return nil
}
