package delta

import (
	"cmp"
	"context"
	"maps"
	"math"
	"path"
	"slices"
)

// plan returns what to rewrite, partition by partition.
func (o *optimizer) plan(ctx context.Context) ([]*bin, error) {
	partitions := make(map[string][]AddFile)
	for f, err := range o.base.Files(ctx) {
		if err != nil {
			return nil, err
		}
		if o.opts.Files != nil && !o.opts.Files(f) {
			continue
		}
		o.result.Considered++
		if o.candidate(f) {
			f.Stats = "" // text that would stay in memory, of no more use
			key := string(appendPartition(nil, f.PartitionValues))
			partitions[key] = append(partitions[key], f)
		}
	}
	var bins []*bin
	for _, key := range slices.Sorted(maps.Keys(partitions)) {
		bins = append(bins, o.pack(partitions[key])...)
	}
	return bins, nil
}

// candidate reports whether a file may be rewritten.
func (o *optimizer) candidate(f AddFile) bool {
	switch {
	case o.purge:
		return f.DeletionVector != nil
	case o.layout.sorts():
		return o.layout.candidate(f)
	}
	return f.Size < o.opts.MinFileSize || deletedShare(f) > maxDeletedShare
}

// deletedShare returns which share of a file's rows is deleted, as far as
// that is known.
func deletedShare(f AddFile) float64 {
	if f.DeletionVector == nil {
		return 0
	}
	rows, ok := f.NumRecords()
	if !ok || rows == 0 {
		return 0
	}
	return float64(f.DeletionVector.Cardinality) / float64(rows)
}

// pack puts the candidates of one partition into bins.
func (o *optimizer) pack(files []AddFile) []*bin {
	if o.layout.sorts() {
		return o.layout.pack(files)
	}
	if len(files) < o.opts.MinFiles && !slices.ContainsFunc(files, hasVector) {
		return nil
	}
	slices.SortStableFunc(files, byAge)
	var bins []*bin
	for len(files) > 0 {
		n, size := 1, files[0].Size
		for n < len(files) && size+files[n].Size <= o.opts.TargetFileSize {
			size += files[n].Size
			n++
		}
		if o.worthwhile(files[:n]) {
			bins = append(bins, &bin{files: files[:n:n]})
		}
		files = files[n:]
	}
	return bins
}

// byAge orders files as they were written, as far as they tell: by time, and
// within a write by the number that names start with.
func byAge(a, b AddFile) int {
	return cmp.Or(cmp.Compare(a.ModificationTime, b.ModificationTime), cmp.Compare(partNumber(a.Path), partNumber(b.Path)))
}

// partNumber returns the "part-00001" of a file's name.
func partNumber(p string) string {
	name := path.Base(p)
	return name[:min(len(name), len("part-00000"))]
}

// worthwhile reports whether rewriting the files together changes anything: a
// file alone is left as it is, unless rows of it are deleted.
func (o *optimizer) worthwhile(files []AddFile) bool {
	switch {
	case len(files) == 0:
		return false
	case o.layout.sorts():
		return true
	}
	return len(files) > 1 || hasVector(files[0])
}

func hasVector(f AddFile) bool { return f.DeletionVector != nil }

// FileSizes sums up files by their sizes in bytes.
type FileSizes struct{ Files, Bytes, Min, Max int64 }

func (s *FileSizes) add(size int64) {
	if s.Files == 0 {
		s.Min = math.MaxInt64
	}
	s.Files++
	s.Bytes += size
	s.Min, s.Max = min(s.Min, size), max(s.Max, size)
}

// Average returns the mean size, 0 of no files.
func (s FileSizes) Average() float64 {
	if s.Files == 0 {
		return 0
	}
	return float64(s.Bytes) / float64(s.Files)
}
