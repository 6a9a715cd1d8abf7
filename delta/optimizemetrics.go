package delta

import (
	"slices"
	"strconv"
)

// fileChange gathers what history tells of a commit that replaces files
// (semantics §15.5).
type fileChange struct {
	removed, added FileSizes
	sizes          []int64 // of the added files
	vectors        int64
}

func newFileChange() *fileChange { return &fileChange{} }

func (c *fileChange) remove(f AddFile) {
	c.removed.add(f.Size)
	if f.DeletionVector != nil {
		c.vectors++
	}
}

func (c *fileChange) add(f AddFile) {
	c.added.add(f.Size)
	c.sizes = append(c.sizes, f.Size)
}

// metrics returns what OPTIMIZE and REORG record. The quantiles are those of
// Spark: the size at a place among the sorted ones.
func (c *fileChange) metrics() map[string]string {
	slices.Sort(c.sizes)
	at := func(quarters int) int64 {
		if len(c.sizes) == 0 {
			return 0
		}
		return c.sizes[min(len(c.sizes)*quarters/4, len(c.sizes)-1)]
	}
	return counters(map[string]int64{
		"numAddedFiles": c.added.Files, "numAddedBytes": c.added.Bytes,
		"numRemovedFiles": c.removed.Files, "numRemovedBytes": c.removed.Bytes,
		"minFileSize": at(0), "p25FileSize": at(1), "p50FileSize": at(2), "p75FileSize": at(3), "maxFileSize": at(4),
		"numDeletionVectorsRemoved": c.vectors,
	})
}

// counters returns metrics as history holds them, as texts.
func counters(values map[string]int64) map[string]string {
	texts := make(map[string]string, len(values))
	for name, n := range values {
		texts[name] = strconv.FormatInt(n, 10)
	}
	return texts
}
