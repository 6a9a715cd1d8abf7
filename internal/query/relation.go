package query

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// relation returns the rows that an item of a FROM clause names.
func (p *Planner) relation(ctx context.Context, ref sql.TableRef, want Scan) (*ingest.Relation, error) {
	if rows, ok := p.streams[ref]; ok {
		return rows, nil
	}
	switch ref := ref.(type) {
	case *sql.TableFunction:
		if ref.Stream {
			return nil, unsupportedStream(ref)
		}
		if IsReadFiles(ref) {
			return p.readFiles(ctx, ref, want)
		}
		if isTableChanges(ref) {
			return p.tableChanges(ctx, ref, want)
		}
		if f := p.Functions[functionName(ref)]; f != nil {
			return f(ctx, ref, want)
		}
		return nil, errclass.New("UNRESOLVABLE_TABLE_VALUED_FUNCTION", "42883",
			"Could not resolve %s to a table-valued function. This version has read_files, table_changes, cloud_files_state, file_ledger, rescued_values, event_log, range and explode and its kin.", ref.Name)
	case *sql.Table:
		if ref.Stream {
			return nil, unsupportedStream(ref)
		}
		if view := p.CheckedView(ref); view != nil {
			return p.viewRows(ctx, view)
		}
		if format, path, ok := ref.Name.Path(); ok && format != "delta" {
			return p.ReadPath(ctx, format, path, want)
		}
		return p.readTable(ctx, ref, want)
	}
	return nil, fmt.Errorf("a %T is no relation", ref)
}

func unsupportedStream(ref sql.TableRef) error {
	return errclass.New("UNSUPPORTED_FEATURE.STREAM", "0A000", "%s: only streaming tables read streams, as in CREATE STREAMING TABLE … AS SELECT …; leave STREAM out to read once.", ref)
}

// readTable scans a Delta table.
func (p *Planner) readTable(ctx context.Context, ref *sql.Table, want Scan) (*ingest.Relation, error) {
	t, err := p.Target(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	var pinned Pin
	if p.pinned != nil {
		pinned = p.pinned(ref)
	}
	snap := pinned.Snap
	if snap == nil {
		if snap, err = p.Travel(ctx, t, ref.TimeTravel); err != nil {
			return nil, err
		}
	}
	if len(snap.Schema().Fields) == 0 {
		return nil, errclass.New("DELTA_READ_TABLE_WITHOUT_COLUMNS", "428GU",
			"You are trying to read the Delta table %s that does not have any columns. Load it with COPY INTO … COPY_OPTIONS ('mergeSchema' = 'true') first.", t.Name)
	}
	names := want.Pick(snap.Schema())
	columns := snap.Schema()
	if names != nil {
		if columns, err = columns.Select(names...); err != nil {
			return nil, err
		}
	}
	filter := p.Filter(ctx, want.Site, snap.Schema())
	if want.scanned != nil {
		want.scanned(skipping{t.Name, snap, filter})
	}
	opts := delta.ScanOptions{Columns: names, Filter: filter, Files: pinned.Files, Parallelism: p.Parallelism}
	var hidden *tableMetadata
	if want.rowMetadata && snap.Schema().Index(files.MetadataColumn) < 0 {
		hidden = newTableMetadata(t, snap)
		opts = hidden.scan(opts)
		columns = schema.New(append(slices.Clone(columns.Fields), hidden.field)...)
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range snap.Scan(ctx, opts) {
				if err != nil {
					err = workspace.Wrap(t.Name, err)
				} else if hidden != nil {
					shown := rec
					rec = hidden.complete(shown)
					shown.Release()
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
	return &ingest.Relation{Schema: columns, Read: read}, nil
}

// Pin says which snapshot of a table a query reads, and which of its files;
// nil is all.
type Pin struct {
	Snap  *delta.Snapshot
	Files func(delta.AddFile) bool
}

// Travel returns the snapshot that a time travel clause names, or the newest.
func (p *Planner) Travel(ctx context.Context, t *workspace.Table, at *sql.TimeTravel) (*delta.Snapshot, error) {
	if at == nil {
		return t.Snapshot(ctx)
	}
	var snap *delta.Snapshot
	var err error
	if at.Version != nil {
		text, cerr := p.Constant(ctx, at.Version)
		if cerr != nil {
			return nil, cerr
		}
		version, perr := strconv.ParseInt(text, 10, 64)
		if perr != nil || version < 0 {
			return nil, errclass.New("INVALID_TIME_TRAVEL_SPEC", "42K0E", "VERSION AS OF takes a whole number from 0 on, not %q.", text)
		}
		snap, err = t.Delta.SnapshotAt(ctx, version)
	} else {
		asOf, terr := p.Timestamp(ctx, at.Timestamp)
		if terr != nil {
			return nil, terr
		}
		snap, err = t.Delta.SnapshotAsOf(ctx, asOf)
	}
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return snap, nil
}

// Timestamp evaluates a constant point in time.
func (p *Planner) Timestamp(ctx context.Context, e sql.Expr) (time.Time, error) {
	text, err := p.Constant(ctx, &sql.FunctionCall{
		Name: &sql.Name{Parts: []string{"unix_micros"}},
		Args: []sql.Expr{&sql.Cast{X: e, Type: &sql.TypeName{Type: schema.Timestamp}}},
	})
	if err != nil {
		return time.Time{}, errclass.New("INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT", "42K0E",
			"The time travel timestamp expression %s is invalid: it cannot be cast to the \"TIMESTAMP\" type: %w", e, err)
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(micros).UTC(), nil
}

// functionName returns the lower-case name of a call of a function without
// schema, "" for others.
func functionName(f *sql.TableFunction) string {
	if len(f.Name.Parts) != 1 {
		return ""
	}
	return strings.ToLower(f.Name.Parts[0])
}
