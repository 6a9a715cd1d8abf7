// Package ingest moves one batch from a source into a table: it reads files,
// conforms rows to the table, writes data files and commits them, once. COPY
// INTO, CREATE TABLE AS SELECT, INSERT and the streaming runtime all call it.
package ingest

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
)

// Env is what every load needs to know about where it runs.
type Env struct {
	Parallelism int   // processors to use; 0 is all
	MemoryLimit int64 // bytes for readers and writers; 0 lets them choose
	Clock       func() time.Time
	NewID       func() string
	Progress    *Progress       // told how far the load is; may be nil
	Evaluator   delta.Evaluator // of the rules of tables; nil refuses tables that have some
}

// Progress counts what a load has done. Its fields may be read while the load
// runs.
type Progress struct {
	Files, TotalFiles atomic.Int64
	Bytes, TotalBytes atomic.Int64 // of source files, as stored
	Rows              atomic.Int64
}

// Restart sets everything back to zero: the load begins again. A nil Progress
// is left alone.
func (p *Progress) Restart() {
	if p == nil {
		return
	}
	for _, n := range []*atomic.Int64{&p.Files, &p.TotalFiles, &p.Bytes, &p.TotalBytes, &p.Rows} {
		n.Store(0)
	}
}

// Staged is data files that are written but not yet part of a table.
type Staged struct {
	Files []delta.AddFile
	Rows  int64
	Bytes int64
	// Metadata, when set, is the table's as the files need it: new columns
	// have names for files, and identity columns have moved on.
	Metadata *delta.Metadata
	// Numbered is whether rows got values of identity columns, which no other
	// commit may give out too.
	Numbered bool
}

// Stage writes rows as data files of a table, after the table's rules. The
// rows have the columns of m.Schema in order, or some of them; see
// [delta.Writer.Write]. When it fails nothing is left behind.
func Stage(ctx context.Context, store delta.Storage, m delta.Metadata, rows iter.Seq2[arrow.RecordBatch, error], env Env) (*Staged, error) {
	mapped := m.MapColumns(env.NewID)
	w, err := delta.NewWriter(store, delta.WriterConfig{
		Metadata: mapped, Parallelism: env.Parallelism, Clock: env.Clock, NewID: env.NewID, Evaluator: env.Evaluator,
	})
	if err != nil {
		return nil, err
	}
	for rec, err := range rows {
		if err == nil {
			err = writeFailed(w.Write(ctx, rec))
		}
		if err != nil {
			return nil, errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
		}
		if env.Progress != nil {
			env.Progress.Rows.Add(rec.NumRows())
		}
	}
	files, err := w.Close(ctx)
	if err != nil {
		return nil, errors.Join(writeFailed(err), w.Abort(context.WithoutCancel(ctx)))
	}
	s := &Staged{Files: files, Rows: w.Rows()}
	for _, f := range files {
		s.Bytes += f.Size
	}
	moved, numbered := w.Metadata()
	if s.Numbered = numbered; numbered || mapped.Schema != m.Schema {
		s.Metadata = &moved
	}
	return s, nil
}

// writeFailed gives what the storage says, such as that it is full, Spark's
// class. A cancelled load and rows that the table refuses are no such failure.
func writeFailed(err error) error {
	var known errclass.Classified
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errclass.New("TASK_WRITE_FAILED", "58030", "Task failed while writing rows: %w", err)
}

// Discard deletes the data files of a load that will not be committed. It
// must not be called after a commit whose outcome is unknown.
func (s *Staged) Discard(ctx context.Context, store delta.Storage) error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, f := range s.Files {
		key, err := f.Key()
		if err == nil {
			err = store.Delete(ctx, key)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// metrics returns the operation metrics of a write; a nil s has none.
func (s *Staged) metrics() map[string]string {
	if s == nil {
		return map[string]string{}
	}
	return map[string]string{
		"numFiles":       strconv.Itoa(len(s.Files)),
		"numOutputRows":  strconv.FormatInt(s.Rows, 10),
		"numOutputBytes": strconv.FormatInt(s.Bytes, 10),
	}
}
