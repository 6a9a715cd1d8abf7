package autoloader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/schema"
)

// inferFirst infers the schema from the files discovered, the newest first.
func (s *Source) inferFirst(ctx context.Context) error {
	var list []format.File
	for e, err := range s.state.Pending(ctx, s.state.Taken(), s.state.Next()) {
		if err != nil {
			return err
		}
		f, err := s.file(ctx, e)
		if err != nil {
			return err
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		list, err := s.leftOut(ctx)
		if err != nil {
			return err
		}
		return s.infer(ctx, sample(list), false)
	}
	seen := sample(list)
	return s.infer(ctx, seen, len(seen) == len(list) && s.fitsBatch(seen))
}

// leftOut returns the newest of the files that were there before the first
// start and are not to be loaded, oldest first: what they hold is known all the
// same.
func (s *Source) leftOut(ctx context.Context) ([]format.File, error) {
	var newest []filestate.Entry
	cut := func() {
		slices.SortFunc(newest, func(a, b filestate.Entry) int {
			return cmp.Or(cmp.Compare(a.ModTime, b.ModTime), strings.Compare(a.Path, b.Path))
		})
		newest = slices.Delete(newest, 0, max(0, len(newest)-sampleFiles))
	}
	for e, err := range s.state.Select(ctx, filestate.Select{}) {
		if err != nil {
			return nil, err
		}
		if e.State != filestate.SkippedExisting {
			continue
		}
		if newest = append(newest, e); len(newest) == 2*sampleFiles {
			cut()
		}
	}
	cut()
	list := make([]format.File, len(newest))
	for i, e := range newest {
		var err error
		if list[i], err = s.file(ctx, e); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// The sample of files that inference looks at (semantics §3.1).
const (
	sampleFiles = 1000
	sampleBytes = 50 << 30
)

// sample returns the newest of the files, which come oldest first.
func sample(list []format.File) []format.File {
	from, bytes := len(list), int64(0)
	for from > 0 && len(list)-from < sampleFiles && bytes < sampleBytes {
		from--
		bytes += list[from].Size
	}
	return list[from:]
}

var errNoFiles = errors.New("no files")

// infer finds the first schema in files, and keeps it unless it is a guess.
func (s *Source) infer(ctx context.Context, list []format.File, mayGuess bool) error {
	bytes := int64(0)
	if mayGuess {
		bytes = s.cfg.Guess
	}
	found, guessed, err := s.inferFrom(ctx, list, bytes)
	if errors.Is(err, errNoFiles) {
		return errclass.New("CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE", "42000",
			"Cannot infer the schema: there are no files at %s yet. Give a schema, or start when there are files.", s.cfg.Path)
	}
	if err != nil {
		return err
	}
	if guessed {
		s.schema, s.guess = found, &guess{files: list}
		return nil
	}
	return s.keep(ctx, found)
}

// keep makes found the schema, durably.
func (s *Source) keep(ctx context.Context, found *inferred) error {
	if err := s.schemas.add(ctx, found); err != nil {
		return err
	}
	s.schema, s.guess = found, nil
	return nil
}

// inferFrom infers the schema of files: from so many bytes of them, if sample
// is not 0 and they are many more, and from all otherwise.
func (s *Source) inferFrom(ctx context.Context, list []format.File, sample int64) (found *inferred, sampled bool, err error) {
	reader, err := s.set.Of(list).Infer(ctx, ingest.Inferring{Types: s.inferTypes(), MergeSchema: true, Sample: sample}, "")
	if _, empty := errors.AsType[*ingest.EmptyError](err); empty {
		return nil, false, errNoFiles
	}
	if err != nil {
		return nil, false, err
	}
	found = &inferred{data: schema.New(), partitions: schema.New()}
	byPath := reader.Partitions()
	for _, f := range reader.Schema().Fields {
		if contains(byPath, f.Name) {
			found.partitions.Fields = append(found.partitions.Fields, f)
		} else {
			found.data.Fields = append(found.data.Fields, f)
		}
	}
	found.data = typed(found.data)
	return found, reader.Sampled(), nil
}

// typed returns s without the columns and fields that have no type, as in
// Parquet files where they are NULL in every row: no table can keep them, and
// they are new columns when a file has a type for them.
func typed(s *schema.Struct) *schema.Struct {
	out := schema.New()
	for _, f := range s.Fields {
		if f.Type = typedType(f.Type); f.Type != nil {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

// typedType returns what of a type a table can keep, nil for nothing.
func typedType(t schema.Type) schema.Type {
	switch t := t.(type) {
	case *schema.Struct:
		if fields := typed(t); len(fields.Fields) > 0 || len(t.Fields) == 0 {
			return fields
		}
		return nil
	case schema.Array:
		t.Element = typedType(t.Element)
		if t.Element == nil {
			return nil
		}
		return t
	case schema.Map:
		t.Value = typedType(t.Value)
		if t.Value == nil || typedType(t.Key) == nil {
			return nil
		}
		return t
	}
	if t == schema.Void {
		return nil
	}
	return t
}

// inferTypes is whether columns of text formats get the types of their values.
func (s *Source) inferTypes() bool {
	if s.opts.Given("inferColumnTypes") {
		return s.opts.Bool("inferColumnTypes")
	}
	return s.cfg.InferTypes
}

// hint has a kept schema follow hints that were added or changed since it was
// kept. They take nothing back: a column that has become wider stays so.
func (s *inferred) hint(text string) error {
	hints, err := schema.ParseDDL(text)
	if err != nil {
		return option.Refuse("schemaHints", fmt.Errorf("option schemaHints: %w", err))
	}
	hinted := evolve.ApplyHints(s.data, s.ofFiles(hints))
	for i, f := range s.data.Fields {
		if common, ok := evolve.CommonType(f.Type, hinted.Fields[i].Type); ok && schema.EqualIgnoringNulls(common, f.Type) {
			hinted.Fields[i].Type = f.Type
		}
	}
	s.data = hinted
	return nil
}

// ofFiles returns columns without those that the paths give: a path's value
// wins over one of the same name in the file (semantics §2.10).
func (s *inferred) ofFiles(columns *schema.Struct) *schema.Struct {
	out := schema.New()
	for _, f := range columns.Fields {
		if !contains(s.partitions.Names(), f.Name) {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
