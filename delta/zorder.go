package delta

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// layout is how OPTIMIZE places rows. The zero value keeps their order;
// otherwise rows stand along a curve through the space of some columns, so
// that rows that are alike in any of them share files.
type layout struct {
	columns []layoutColumn
	// clustering is whether the columns are the table's own.
	clustering bool
	full       bool
	cubeSize   int64
}

// layoutColumn is one dimension.
type layoutColumn struct {
	path []string // logical names, the last of a primitive column
	// stored is path by the names in files.
	stored []string
	typ    schema.Type
}

func (c layoutColumn) name() string { return strings.Join(c.path, ".") }

// sorts reports whether rows change their order.
func (l *layout) sorts() bool { return len(l.columns) > 0 }

// clusters reports whether the table's clustering columns are sorted by.
func (l *layout) clusters() bool { return l.clustering && l.sorts() }

// clusterNames returns the clustering columns, if rows are sorted by them.
func (l *layout) clusterNames() []string {
	if !l.clusters() {
		return nil
	}
	return l.names()
}

// zOrderNames returns the columns of ZORDER BY.
func (l *layout) zOrderNames() []string {
	if l.clustering {
		return nil
	}
	return l.names()
}

func (l *layout) names() []string {
	var all []string
	for _, c := range l.columns {
		all = append(all, c.name())
	}
	return all
}

// newLayout returns the layout that opts ask for, checked against the table.
func newLayout(s *Snapshot, opts OptimizeOptions) (*layout, error) {
	clustering, clustered, err := s.clusteringColumns()
	if err != nil {
		return nil, err
	}
	if len(opts.ZOrderBy) == 0 {
		return &layout{columns: clustering, clustering: clustered, full: opts.Full, cubeSize: opts.CubeSize}, nil
	}
	if clustered {
		return nil, &ClusteringWithZOrderError{Columns: (&layout{columns: clustering}).names()}
	}
	l := &layout{}
	for _, path := range opts.ZOrderBy {
		c, err := findColumn(&s.metadata, path)
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.metadata.PartitionColumns, c.path[0]) {
			return nil, &ZOrderColumnError{Column: c.name(), Partition: true}
		}
		if !hasStats(&s.metadata, c.stored) {
			return nil, &ZOrderColumnError{Column: c.name()}
		}
		l.columns = append(l.columns, c)
	}
	return l, nil
}

// findColumn finds a column by its logical path, in any case.
func findColumn(m *Metadata, path []string) (layoutColumn, error) {
	mapped := mappingOf(m)
	var c layoutColumn
	c.typ = m.Schema
	for _, name := range path {
		s, ok := c.typ.(*schema.Struct)
		i := -1
		if ok {
			i = s.Index(name)
		}
		if i < 0 {
			return c, &ZOrderColumnError{Column: strings.Join(path, "."), Missing: true}
		}
		f := s.Fields[i]
		c.path = append(c.path, f.Name)
		c.stored = append(c.stored, mapped.physicalName(f))
		c.typ = f.Type
	}
	return c, nil
}

// leaves returns every column of m that holds values of its own.
func leaves(m *Metadata) []layoutColumn {
	mapped := mappingOf(m)
	var all []layoutColumn
	var walk func(s *schema.Struct, path, stored []string)
	walk = func(s *schema.Struct, path, stored []string) {
		for _, f := range s.Fields {
			c := layoutColumn{
				path: append(slices.Clone(path), f.Name), stored: append(slices.Clone(stored), mapped.physicalName(f)), typ: f.Type,
			}
			if inner, ok := f.Type.(*schema.Struct); ok {
				walk(inner, c.path, c.stored)
				continue
			}
			all = append(all, c)
		}
	}
	walk(m.Schema, nil, nil)
	return all
}

// hasStats reports whether files tell the bounds of a column.
func hasStats(m *Metadata, stored []string) bool {
	return slices.ContainsFunc(tableStats(m), func(c statsColumn) bool { return slices.Equal(c.path, stored) })
}

// tableStats returns the columns of m whose statistics writers keep.
func tableStats(m *Metadata) []statsColumn {
	logical := &schema.Struct{}
	for _, f := range m.Schema.Fields {
		if !slices.Contains(m.PartitionColumns, f.Name) {
			logical.Fields = append(logical.Fields, f)
		}
	}
	return statsColumns(m, logical, mappingOf(m).physicalStruct(logical))
}

// candidate reports whether the rows of a file may be moved.
func (l *layout) candidate(f AddFile) bool {
	return !l.clustering || f.ClusteringProvider == "" || f.ClusteringProvider == clusteringProvider
}

// pack puts the files of a partition into bins.
func (l *layout) pack(files []AddFile) []*bin {
	if l.clustering {
		files = l.unclustered(files)
	}
	if len(files) == 0 {
		return nil
	}
	slices.SortStableFunc(files, byAge)
	return []*bin{{files: files}}
}

// write hands the rows of files to the writer in the order of the layout.
func (l *layout) write(ctx context.Context, o *optimizer, files []AddFile, w *Writer) error {
	if !l.sorts() {
		return o.copyRows(ctx, files, w)
	}
	curve, err := l.measure(ctx, o, files)
	if err != nil {
		return err
	}
	s := newSorter(curve, o.opts.TempDir, o.opts.MemoryLimit)
	for rows, err := range o.scan(ctx, files) {
		if err != nil {
			return s.close(err)
		}
		err = s.add(rows)
		rows.Release()
		if err != nil {
			return s.close(err)
		}
	}
	return s.close(s.drain(ctx, w))
}

// measure looks at the columns of the layout in a sample of all rows, and
// returns the curve that spreads them evenly.
func (l *layout) measure(ctx context.Context, o *optimizer, files []AddFile) (*curve, error) {
	c := &curve{hilbert: l.clustering && len(l.columns) > 1}
	var top []string
	for _, column := range l.columns {
		if !slices.Contains(top, column.path[0]) {
			top = append(top, column.path[0])
		}
		c.dimensions = append(c.dimensions, dimension{column: column, at: o.base.metadata.Schema})
	}
	scanned, err := o.base.metadata.Schema.Select(top...)
	if err != nil {
		return nil, err
	}
	sample := &rowSample{random: o.table.opts.Random}
	for _, column := range l.columns {
		sample.dimensions = append(sample.dimensions, dimension{column: column, at: scanned})
	}
	opts := ScanOptions{Columns: top, Parallelism: o.opts.Parallelism, BatchRows: rewriteRows}
	for rows, err := range o.base.scanFiles(ctx, opts, theseFiles(files)) {
		if err != nil {
			return nil, err
		}
		sample.add(rows)
		rows.Release()
	}
	c.fit(sample.rows)
	c.buckets = sortBuckets(sample.bytes*int64(len(o.base.metadata.Schema.Fields))/int64(len(top)), o.opts.MemoryLimit)
	c.cut(sample.rows)
	return c, nil
}

// ZOrderColumnError refuses a column of ZORDER BY that cannot help: one that
// does not exist, a partition column, or one without statistics.
type ZOrderColumnError struct {
	Column             string
	Missing, Partition bool
}

func (e *ZOrderColumnError) Error() string {
	switch {
	case e.Missing:
		return fmt.Sprintf("Z-Ordering column %s does not exist in the table", e.Column)
	case e.Partition:
		return e.Column + " is a partition column: Z-Ordering can only be performed on data columns"
	}
	return fmt.Sprintf("Z-Ordering on %s will be ineffective: no statistics are kept of the column; "+
		"name it in the property delta.dataSkippingStatsColumns, or raise delta.dataSkippingNumIndexedCols", e.Column)
}

// ErrorClass returns Delta's class of the error.
func (e *ZOrderColumnError) ErrorClass() string {
	switch {
	case e.Missing:
		return "DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST"
	case e.Partition:
		return "DELTA_ZORDERING_ON_PARTITION_COLUMN"
	}
	return "DELTA_ZORDERING_ON_COLUMN_WITHOUT_STATS"
}

// SQLState returns the error's SQLSTATE.
func (e *ZOrderColumnError) SQLState() string {
	switch {
	case e.Missing:
		return "42703"
	case e.Partition:
		return "42P10"
	}
	return "KD00D"
}

// ClusteringWithZOrderError refuses ZORDER BY on a table that has clustering
// columns.
type ClusteringWithZOrderError struct{ Columns []string }

func (e *ClusteringWithZOrderError) Error() string {
	return fmt.Sprintf("OPTIMIZE cannot ZORDER BY in a table that is clustered by (%s); leave ZORDER BY out", strings.Join(e.Columns, ", "))
}

// ErrorClass returns Delta's class of the error.
func (*ClusteringWithZOrderError) ErrorClass() string { return "DELTA_CLUSTERING_WITH_ZORDER_BY" }

// SQLState returns the error's SQLSTATE.
func (*ClusteringWithZOrderError) SQLState() string { return "42613" }
