package dataset

import (
	"context"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ledger"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/workspace"
)

// fileFunction is cloud_files_state({TABLE(name) | 'checkpoint'}), the files
// that a flow knows (semantics §11.2), or file_ledger(TABLE(name)), which also
// lists those that the source's path has and the flow does not take.
func (d *Set) fileFunction(ctx context.Context, call *sql.TableFunction, want query.Scan) (*ingest.Relation, error) {
	all := strings.EqualFold(call.Name.Parts[0], "file_ledger")
	if len(call.Args) != 1 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"%s requires 1 argument, TABLE(name), and was given %d.", call.Name, len(call.Args))
	}
	var open func(ctx context.Context) ([]ledger.Source, error)
	switch arg := call.Args[0]; {
	case sql.IsTableArgument(arg):
		name, ok := sql.TableOf(arg)
		if !ok {
			return nil, errclass.New("DELTA_UNSUPPORTED_EXPRESSION", "0A000", "%s names no table.", arg)
		}
		entry, err := d.streamingTable(ctx, name)
		if err != nil {
			return nil, err
		}
		open = func(ctx context.Context) ([]ledger.Source, error) { return d.filesOfTable(ctx, entry, all) }
	case all:
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "file_ledger takes a streaming table: file_ledger(TABLE(name)).")
	default:
		at, err := d.planner.Constant(ctx, arg)
		if err != nil {
			return nil, err
		}
		open = func(ctx context.Context) ([]ledger.Source, error) { return d.filesOfCheckpoint(ctx, at) }
	}
	columns := ledger.States()
	if all {
		columns = ledger.All()
	}
	fields := columns.Schema()
	return ledger.Relation(columns.Pick(want.Pick(fields)), d.planner.Filter(ctx, want.Site, fields), open), nil
}

// streamingTable returns the entry of a table that must be a streaming table.
func (d *Set) streamingTable(ctx context.Context, n *sql.Name) (catalog.Table, error) {
	name, err := d.planner.TableName(ctx, n)
	if err != nil {
		return catalog.Table{}, err
	}
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return entry, d.planner.Placed(n, err)
	}
	if entry.Kind != catalog.KindStreamingTable {
		return entry, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
			"%s is no streaming table: it keeps no state of files.", entry.Name)
	}
	return entry, nil
}

// filesOfTable opens the file states of a streaming table; all shows what its
// sources list too.
func (d *Set) filesOfTable(ctx context.Context, entry catalog.Table, all bool) ([]ledger.Source, error) {
	def, err := definitionOf(entry)
	if err != nil {
		return nil, err
	}
	leave, err := d.planner.EnterViews(entry.Text)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return nil, err
	}
	progress, err := c.Progress(ctx)
	if err != nil {
		return nil, err
	}
	var list []ledger.Source
	for i, ref := range query.Streams(def.Query) {
		ref = d.planner.BeneathViews(ref)
		if call, ok := ref.(*sql.TableFunction); !ok || !query.IsReadFiles(call) {
			continue
		}
		f := ledger.Source{ID: fmt.Sprint(i), Flow: entry.Name.String(), Forgotten: all}
		if f.Planned, err = ledger.Planned(progress, i); err != nil {
			return nil, err
		}
		if !all {
			f.State, err = filestate.Open(ctx, c.Store(), ledger.Prefix(i), filestate.Options{NewID: d.ws.NewID, Planned: f.Planned})
		} else {
			var src *autoloader.Source
			if src, err = d.openFiles(ctx, ref, c, i); err == nil {
				f.State, f.Listed = src.State(), src.Files().Judged
			}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// openFiles opens a source of files.
func (d *Set) openFiles(ctx context.Context, ref sql.TableRef, c *checkpoint.Checkpoint, number int) (*autoloader.Source, error) {
	src, err := d.openSource(ctx, ref, c, number, query.Scan{})
	if err != nil {
		return nil, err
	}
	of, ok := src.(*autoloader.Source)
	if !ok {
		return nil, errclass.Unsupported("the file ledger of a stream of anything but files", ref.String())
	}
	return of, nil
}

// filesOfCheckpoint opens the file states of a checkpoint, or the one of a
// source's directory in it, "…/sources/0".
func (d *Set) filesOfCheckpoint(ctx context.Context, at string) ([]ledger.Source, error) {
	root, err := workspace.Locate(at)
	if err != nil {
		return nil, err
	}
	id := ""
	if cut := strings.LastIndex(root, "/sources/"); cut >= 0 {
		root, id = root[:cut], strings.Trim(root[cut+len("/sources/"):], "/")
	}
	store, err := d.ws.OpenStore(ctx, root)
	if err != nil {
		return nil, err
	}
	list, none, err := ledger.OfCheckpoint(ctx, store, id, checkpoint.Options{NewID: d.ws.NewID, Sleep: d.ws.Sleep})
	if err == nil && none {
		err = errclass.New("CF_INVALID_CHECKPOINT", "42000",
			"There is no checkpoint at %s: it has no file metadata. Give the checkpoint's directory, or sources/0 in it.", at)
	}
	return list, err
}
