package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Clustered tables name the columns by which their rows are kept together in
// a domain; files that were clustered say so and which cube they belong to, a
// set of files whose rows were sorted together (protocol: Clustered Table).
const (
	clusteringDomain   = "delta.clustering"
	clusteringProvider = "liquid"

	cubeIDTag      = "ZCUBE_ID"
	cubeColumnsTag = "ZCUBE_ZORDER_BY"
	cubeCurveTag   = "ZCUBE_ZORDER_CURVE"

	// defaultCubeSize is how large a cube is left alone.
	defaultCubeSize = 100 << 30
)

// ClusteringColumns returns the logical paths of the columns the table is
// clustered by, and whether it is a clustered table: one may have no columns
// for the time being.
func (s *Snapshot) ClusteringColumns() (columns [][]string, clustered bool, err error) {
	list, clustered, err := s.clusteringColumns()
	for _, c := range list {
		columns = append(columns, c.path)
	}
	return columns, clustered, err
}

func (s *Snapshot) clusteringColumns() ([]layoutColumn, bool, error) {
	text, ok := s.DomainMetadata(clusteringDomain)
	if !ok {
		return nil, false, nil
	}
	var domain struct {
		ClusteringColumns []json.RawMessage `json:"clusteringColumns"`
	}
	if err := json.Unmarshal([]byte(text), &domain); err != nil {
		return nil, true, &LogError{Reason: "domain " + clusteringDomain + " is damaged", Cause: err}
	}
	var columns []layoutColumn
	for _, raw := range domain.ClusteringColumns {
		// Spark writes lists of names; the protocol's own example has one name.
		var path []string
		if err := json.Unmarshal(raw, &path); err != nil {
			path = make([]string, 1)
			if err := json.Unmarshal(raw, &path[0]); err != nil {
				return nil, true, &LogError{Reason: "domain " + clusteringDomain + " is damaged", Cause: err}
			}
		}
		c, ok := findStored(&s.metadata, path)
		if !ok {
			return nil, true, &LogError{Reason: fmt.Sprintf("clustering column %s is not in the schema", strings.Join(path, "."))}
		}
		columns = append(columns, c)
	}
	return columns, true, nil
}

// findStored finds a column by its names in files.
func findStored(m *Metadata, stored []string) (layoutColumn, bool) {
	for _, c := range leaves(m) {
		if slices.Equal(c.stored, stored) {
			return c, true
		}
	}
	return layoutColumn{}, false
}

// checkClustering refuses to write files to a clustered table whose
// clustering columns would lack statistics, as every writer has to keep them.
func (s *Snapshot) checkClustering() error {
	columns, _, err := s.clusteringColumns()
	if err != nil {
		return err
	}
	for _, c := range columns {
		if !hasStats(&s.metadata, c.stored) {
			return &ClusteringStatsError{Column: c.name()}
		}
	}
	return nil
}

// unclustered returns the files that clustering has to sort: those that no
// cube of the same columns holds, and those of cubes that are still small.
func (l *layout) unclustered(files []AddFile) []AddFile {
	limit := l.cubeSize
	if limit <= 0 {
		limit = defaultCubeSize
	}
	if l.full {
		limit = 1 << 62
	}
	sizes := make(map[string]int64)
	for i := range files {
		sizes[l.cube(&files[i])] += files[i].Size
	}
	if len(sizes) == 1 && sizes[""] == 0 && !l.full {
		return nil // one cube holds all there is
	}
	return slices.DeleteFunc(files, func(f AddFile) bool {
		cube := l.cube(&f)
		return cube != "" && sizes[cube] >= limit
	})
}

// cube returns the id of the cube that a file belongs to, "" of none that
// has the columns of the layout.
func (l *layout) cube(f *AddFile) string {
	if f.ClusteringProvider != clusteringProvider || f.Tags[cubeColumnsTag] != l.cubeColumns() {
		return ""
	}
	return f.Tags[cubeIDTag]
}

// cubeColumns returns the columns as the tag of cubes has them.
func (l *layout) cubeColumns() string {
	list := make([]string, len(l.columns))
	for i, c := range l.columns {
		list[i] = strings.Join(c.stored, ".")
	}
	text, err := marshalPlain(list)
	if err != nil {
		return "" // texts always marshal
	}
	return string(text)
}

// label says of files that were sorted together that they are a cube.
func (l *layout) label(o *optimizer, files []AddFile) {
	if !l.clusters() {
		return
	}
	curve := "hilbert"
	if len(l.columns) == 1 {
		curve = "zorder"
	}
	tags := map[string]string{cubeIDTag: o.table.opts.NewID(), cubeColumnsTag: l.cubeColumns(), cubeCurveTag: curve}
	for i := range files {
		files[i].Tags, files[i].ClusteringProvider = tags, clusteringProvider
	}
}

// ClusteringStatsError refuses to write to a table whose clustering column
// has no statistics.
type ClusteringStatsError struct{ Column string }

func (e *ClusteringStatsError) Error() string {
	return fmt.Sprintf("no statistics are kept of clustering column %s; "+
		"name it in the property delta.dataSkippingStatsColumns, or raise delta.dataSkippingNumIndexedCols", e.Column)
}

// ErrorClass returns Delta's class of the error.
func (*ClusteringStatsError) ErrorClass() string { return "DELTA_CLUSTERING_COLUMN_MISSING_STATS" }

// SQLState returns the error's SQLSTATE.
func (*ClusteringStatsError) SQLState() string { return "22000" }
