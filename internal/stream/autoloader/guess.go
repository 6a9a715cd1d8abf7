package autoloader

import (
	"context"
	"iter"
	"slices"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// guess says that the schema was found in the first bytes of files alone. Such
// a schema is in no log, and the first batch is not committed before it is:
// once all rows of the files have turned out to fit it, it is what inference
// from all of them gives, and is kept. Otherwise inference sees all files, as
// it would have without a guess, and the batch begins again.
type guess struct {
	files []format.File // that inference is to look at
	whole bool          // all rows of a batch with these files were read
}

// GuessError says that the schema guessed from the first rows of a first load
// is not that of all rows. The one that is has been kept, and nothing was
// written; running again loads the batch with it.
type GuessError struct {
	Guessed, Schema *schema.Struct
}

func (e *GuessError) Error() string {
	return "The first rows have the schema " + e.Guessed.DDL() + ", and all rows " + e.Schema.DDL() +
		". Nothing was written; run again to load with the latter."
}

var _ stream.Settler = (*Source)(nil)

// fitsBatch reports whether files are one batch as far as limits go.
func (s *Source) fitsBatch(list []format.File) bool {
	bytes, limit := int64(0), s.opts.Bytes("maxBytesPerTrigger")
	for _, f := range list {
		bytes += f.Size
	}
	return int64(len(list)) <= s.opts.Int("maxFilesPerTrigger") && (limit == 0 || bytes <= limit)
}

// isOf reports whether a batch of files proves the guess, if there is one.
func (g *guess) isOf(batch map[string]filestate.Entry) bool {
	return g == nil || !slices.ContainsFunc(g.files, func(f format.File) bool {
		_, ok := batch[f.Path]
		return !ok
	})
}

// read notes that a batch was read to its end, and fits the guess so far.
func (g *guess) read() {
	if g != nil {
		g.whole = true
	}
}

// doubting returns rows of which one with rescued data puts the guess in
// doubt, even if readers see no drift in it: a field whose name is another in
// case alone is no new one, but inference takes its values for the column's.
func (s *Source) doubting(rel *ingest.Relation) *ingest.Relation {
	at := rel.Schema.Index(s.rescue)
	if s.guess == nil || s.rescue == "" || at < 0 {
		return rel
	}
	out := *rel
	out.Read = func(ctx context.Context) iter.Seq2[recordBatch, error] {
		return func(yield func(recordBatch, error) bool) {
			for rec, err := range rel.Read(ctx) {
				if err == nil && rec.Column(at).NullN() < int(rec.NumRows()) {
					err = s.settle(ctx)
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
	return &out
}

// settle has inference see all files, if the schema is a guess that is in
// doubt. The error is a [*GuessError] when the schema has become another one.
func (s *Source) settle(ctx context.Context) error {
	if s.guess == nil {
		return nil
	}
	found, _, err := s.inferFrom(ctx, s.guess.files, 0)
	if err != nil {
		return err
	}
	guessed := s.schema
	if err := s.keep(ctx, found); err != nil {
		return err
	}
	if schema.Equal(guessed.data, found.data) && schema.Equal(guessed.partitions, found.partitions) {
		return nil
	}
	return &GuessError{Guessed: guessed.data, Schema: found.data}
}

// Settle implements [stream.Settler]: a guess that all rows fit is kept.
func (s *Source) Settle(ctx context.Context) error {
	if s.guess == nil || !s.guess.whole {
		return s.settle(ctx)
	}
	return s.keep(ctx, s.schema)
}
