package dataset

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// EditFiles runs ALTER STREAMING TABLE name {RETRY | FORGET | REPLAY} FILES: it
// changes what the flow knows of single files, while no run of it can begin.
// Each source's files change in one step; what the next batch loads follows
// from that, exactly once as any batch.
func (d *Set) EditFiles(ctx context.Context, stmt *sql.EditFiles) (int64, error) {
	entry, err := d.streamingTable(ctx, stmt.Table)
	if err != nil {
		return 0, err
	}
	def, err := definitionOf(entry)
	if err != nil {
		return 0, err
	}
	leave, err := d.planner.EnterViews(entry.Text)
	if err != nil {
		return 0, err
	}
	defer leave()
	edit, err := d.editOf(stmt, def, entry)
	if err != nil {
		return 0, err
	}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return 0, err
	}
	var changed int64
	flow := &stream.Flow{Name: entry.Name.String(), Checkpoint: c, NewID: d.ws.NewID, Gone: checkpoint.Died}
	err = flow.Hold(ctx, func(ctx context.Context) error {
		if err := d.checkSettled(ctx, entry, c); err != nil {
			return err
		}
		for i, ref := range query.Streams(def.Query) {
			ref = d.planner.BeneathViews(ref)
			if call, ok := ref.(*sql.TableFunction); !ok || !query.IsReadFiles(call) {
				continue
			}
			n, err := d.editSource(ctx, stmt, edit, c, ref, i)
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if changed == 0 {
		return 0, errclass.New("STREAMING_TABLE_FILES_NOT_FOUND", "42K03",
			"%s knows no such file that %s applies to. SELECT path, state, reason FROM file_ledger(TABLE(%s)) shows the files and their states.",
			entry.Name, stmt.Action, entry.Name)
	}
	return changed, nil
}

// editOf returns what a statement does to files. REPLAY replaces the rows that
// a file gave, which needs a column that tells them.
func (d *Set) editOf(stmt *sql.EditFiles, def *sql.CreateStreamingTable, entry catalog.Table) (filestate.Edit, error) {
	switch {
	case stmt.Action == "RETRY":
		return filestate.Retry, nil
	case stmt.Action == "FORGET":
		return filestate.Forget, nil
	case stmt.Append:
		return filestate.ReplayAppend, nil
	case d.provenance(def) == "":
		return 0, noFileColumn(entry)
	}
	return filestate.Replay, nil
}

func noFileColumn(entry catalog.Table) error {
	return errclass.New("STREAMING_TABLE_REPLAY_NEEDS_FILE_COLUMN", "42000",
		"%s cannot tell which rows a file gave, so that replaying files would add their rows a second time. "+
			"Write APPEND after the files if you want that, or keep the column _metadata.file_path in the table's query.", entry.Name)
}

// provenance returns the column of a streaming table that holds the file of
// each row, as its query says; "" for none.
func (d *Set) provenance(def *sql.CreateStreamingTable) string {
	if len(def.Columns) > 0 {
		return ""
	}
	return d.fileColumn(def.Query, query.MaxViewDepth)
}

// fileColumn is the column of a query that holds the file of each row, be it
// that a view over the files has it.
func (d *Set) fileColumn(q *sql.Query, depth int) string {
	sel, ok := q.Body.(*sql.Select)
	if !ok || depth == 0 {
		return ""
	}
	below := ""
	if len(sel.From) == 1 {
		if t, ok := sel.From[0].(*sql.Table); ok && d.planner.TemporaryView(t.Name) != nil && len(d.planner.TemporaryView(t.Name).Columns) == 0 {
			below = d.fileColumn(d.planner.TemporaryView(t.Name).Query, depth-1)
		}
	}
	for _, item := range sel.Items {
		switch e := item.Expr.(type) {
		case *sql.Star:
			if below != "" && !slices.ContainsFunc(e.Except, func(c *sql.Column) bool { return strings.EqualFold(c.Parts[0], below) }) {
				return below
			}
		case *sql.Column:
			field := e.Parts[len(e.Parts)-1]
			if isFilePath(e) || below != "" && len(e.Parts) <= 2 && strings.EqualFold(field, below) {
				return cmp.Or(item.Alias, field)
			}
		}
	}
	return ""
}

// isFilePath reports whether a column is _metadata.file_path.
func isFilePath(c *sql.Column) bool {
	n := len(c.Parts)
	return n >= 2 && strings.EqualFold(c.Parts[n-2], files.MetadataColumn) && strings.EqualFold(c.Parts[n-1], "file_path")
}

// checkSettled refuses to edit files while the table has a batch that the
// checkpoint and the file state have not heard of: they would be taken for
// files that wait, and be loaded twice.
func (d *Set) checkSettled(ctx context.Context, entry catalog.Table, c *checkpoint.Checkpoint) error {
	p, err := c.Progress(ctx)
	if err != nil || p.Planned == nil || p.Done {
		return err
	}
	_, base, err := d.ws.Existing(ctx, entry)
	if err != nil || base == nil {
		return err
	}
	if last, ok := base.TransactionVersion(c.ID()); ok && last >= p.Planned.ID {
		return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.UNFINISHED_BATCH", "55000",
			"Batch %d of %s is in the table, and its run was cut off before it was done. Run REFRESH STREAMING TABLE %s, and then this statement again.",
			p.Planned.ID, entry.Name, entry.Name)
	}
	return nil
}

// editSource edits the files of one source.
func (d *Set) editSource(ctx context.Context, stmt *sql.EditFiles, edit filestate.Edit, c *checkpoint.Checkpoint, ref sql.TableRef, number int) (int64, error) {
	src, err := d.openFiles(ctx, ref, c, number)
	if err != nil {
		return 0, err
	}
	match, err := src.Files().Named(stmt.Files)
	if stmt.Files == nil {
		match, err = src.Files().Pattern(stmt.Pattern)
	}
	if err != nil {
		return 0, err
	}
	return src.State().Edit(ctx, edit, func(e *filestate.Entry) bool { return match(e.Path) }, d.ws.Clock().UnixMicro())
}

// replaced says which rows leave the table as the batch at hand loads files
// again.
func (f *streamingFlow) replaced() (*stream.Replaced, error) {
	var paths []string
	for _, src := range f.sources {
		if of, ok := beneath(src).(*autoloader.Source); ok {
			paths = append(paths, of.Replacing()...)
		}
	}
	if len(paths) == 0 {
		return nil, nil //nolint:nilnil // no rows leave
	}
	column := f.datasets.provenance(f.def)
	if column == "" {
		return nil, noFileColumn(f.entry)
	}
	return &stream.Replaced{Column: column, Values: paths}, nil
}

// skipped are the metrics of files that the batch at hand leaves out as they
// cannot be read (semantics §2.2, option ignoreCorruptFiles).
func (f *streamingFlow) skipped() map[string]string {
	const metric = "numSkippedCorruptFiles"
	total := int64(0)
	for _, src := range f.sources {
		if n, err := strconv.ParseInt(src.Progress().Metrics[metric], 10, 64); err == nil {
			total += n
		}
	}
	if total == 0 {
		return nil
	}
	return map[string]string{metric: strconv.FormatInt(total, 10)}
}
