package session

import (
	"context"
	"strconv"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// optimize runs OPTIMIZE (semantics §15.9).
func (s *Session) optimize(ctx context.Context, stmt *sql.Optimize) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	files, err := s.partitionFilter(ctx, t, snap, text(stmt.Where))
	if err != nil {
		return nil, err
	}
	opts := delta.OptimizeOptions{
		Files: files, Predicate: text(stmt.Where), Full: stmt.Full,
		MemoryLimit: s.ws.MemoryLimit / 4, Parallelism: s.ws.Parallelism,
	}
	for _, c := range stmt.ZOrderBy {
		opts.ZOrderBy = append(opts.ZOrderBy, c.Parts)
	}
	result, err := t.Delta.Optimize(ctx, opts)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return s.optimizeResult(t, snap, result), nil
}

// reorg runs REORG TABLE … APPLY (PURGE).
func (s *Session) reorg(ctx context.Context, stmt *sql.Reorg) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	files, err := s.partitionFilter(ctx, t, snap, text(stmt.Where))
	if err != nil {
		return nil, err
	}
	result, err := t.Delta.Purge(ctx, delta.PurgeOptions{
		Files: files, Predicate: text(stmt.Where), MemoryLimit: s.ws.MemoryLimit / 4, Parallelism: s.ws.Parallelism,
	})
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return s.optimizeResult(t, snap, result), nil
}

// autoCompact compacts a table after rows were loaded, if it wants that. The
// load stands whatever comes of it.
func (s *Session) autoCompact(ctx context.Context, name *sql.Name) {
	if t, err := s.planner.Target(ctx, name); err == nil { // or the load has said so
		s.ws.Compact(ctx, t)
	}
}

// Parts of the result of OPTIMIZE, named as Spark names them.
var (
	sizesType = schema.New(
		schema.Col("min", schema.Long), schema.Col("max", schema.Long), schema.Col("avg", schema.Double),
		schema.Col("totalFiles", schema.Long), schema.Col("totalSize", schema.Long))
	zOrderFilesType  = schema.New(schema.Col("num", schema.Long), schema.Col("size", schema.Long))
	clusterFilesType = schema.New(schema.Col("numFiles", schema.Long), schema.Col("size", schema.Long))
	zOrderType       = schema.New(
		schema.Col("strategyName", schema.String), schema.Col("inputCubeFiles", zOrderFilesType), schema.Col("inputOtherFiles", zOrderFilesType),
		schema.Col("inputNumCubes", schema.Long), schema.Col("mergedFiles", zOrderFilesType), schema.Col("numOutputCubes", schema.Long),
		schema.Col("mergedNumCubes", schema.Long))
	clusteringType = schema.New(
		schema.Col("inputZCubeFiles", clusterFilesType), schema.Col("inputOtherFiles", clusterFilesType), schema.Col("inputNumZCubes", schema.Long),
		schema.Col("mergedFiles", clusterFilesType), schema.Col("numOutputZCubes", schema.Long))
	vectorsType     = schema.New(schema.Col("numDeletionVectorsRemoved", schema.Long), schema.Col("numDeletionVectorRowsRemoved", schema.Long))
	parallelismType = schema.New(
		schema.Col("maxClusterActiveParallelism", schema.Long), schema.Col("minClusterActiveParallelism", schema.Long),
		schema.Col("maxSessionActiveParallelism", schema.Long), schema.Col("minSessionActiveParallelism", schema.Long))
	metricsType = schema.New(
		schema.Col("numFilesAdded", schema.Long), schema.Col("numFilesRemoved", schema.Long),
		schema.Col("filesAdded", sizesType), schema.Col("filesRemoved", sizesType), schema.Col("partitionsOptimized", schema.Long),
		schema.Col("zOrderStats", zOrderType), schema.Col("clusteringStats", clusteringType),
		schema.Col("numBins", schema.Long), schema.Col("numBatches", schema.Long),
		schema.Col("totalConsideredFiles", schema.Long), schema.Col("totalFilesSkipped", schema.Long),
		schema.Col("preserveInsertionOrder", schema.Boolean),
		schema.Col("numFilesSkippedToReduceWriteAmplification", schema.Long), schema.Col("numBytesSkippedToReduceWriteAmplification", schema.Long),
		schema.Col("startTimeMs", schema.Long), schema.Col("endTimeMs", schema.Long),
		schema.Col("totalClusterParallelism", schema.Long), schema.Col("totalScheduledTasks", schema.Long),
		schema.Col("autoCompactParallelismStats", parallelismType), schema.Col("deletionVectorStats", vectorsType),
		schema.Col("numTableColumns", schema.Long), schema.Col("numTableColumnsWithStats", schema.Long))
)

// optimizeResult is the row that OPTIMIZE and REORG return.
func (s *Session) optimizeResult(t *workspace.Table, snap *delta.Snapshot, r *delta.OptimizeResult) *Result {
	var zOrder, clustering, vectors any
	if l := r.Layout; l != nil {
		cubes, others := []any{l.CubeFiles.Files, l.CubeFiles.Bytes}, []any{l.OtherFiles.Files, l.OtherFiles.Bytes}
		merged := []any{l.CubeFiles.Files + l.OtherFiles.Files, l.CubeFiles.Bytes + l.OtherFiles.Bytes}
		if l.Clustering {
			clustering = []any{cubes, others, l.InputCubes, merged, l.OutputCubes}
		} else {
			zOrder = []any{"all", cubes, others, l.InputCubes, merged, l.OutputCubes, nil}
		}
	}
	if r.VectorsRemoved > 0 {
		vectors = []any{r.VectorsRemoved, r.RowsRemoved}
	}
	sizes := func(f delta.FileSizes) any {
		if f.Files == 0 {
			return []any{nil, nil, float64(0), int64(0), int64(0)}
		}
		return []any{f.Min, f.Max, f.Average(), f.Files, f.Bytes}
	}
	out := rowset.New(schema.Col("path", schema.String), schema.Col("metrics", metricsType))
	out.Add(t.Location, []any{
		r.Added.Files, r.Removed.Files, sizes(r.Added), sizes(r.Removed), r.Partitions, zOrder, clustering,
		r.Bins, r.Commits, r.Considered, r.Skipped, r.Layout == nil, int64(0), int64(0),
		r.Started.UnixMilli(), r.Ended.UnixMilli(), int64(s.ws.Parallelism), r.Bins, nil, vectors,
		int64(len(snap.Schema().Fields)), columnsWithStatistics(snap),
	})
	return resultOf(out)
}

// columnsWithStatistics returns how many columns of a table Spark counts as
// having statistics: as many as table property delta.dataSkippingNumIndexedCols
// lets have them.
func columnsWithStatistics(snap *delta.Snapshot) int64 {
	all := int64(len(snap.Schema().Fields))
	limit := int64(32)
	if text, ok := snap.Property("delta.dataSkippingNumIndexedCols"); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			limit = n
		}
	}
	if limit < 0 {
		return all
	}
	return min(all, limit)
}

// counts returns a result of one row of numbers.
func counts(names []string, values ...int64) *Result {
	out := rowset.New()
	row := make([]any, len(values))
	for i, v := range values {
		out.Schema.Fields = append(out.Schema.Fields, schema.Col(names[i], schema.Long))
		row[i] = v
	}
	out.Add(row...)
	return resultOf(out)
}
