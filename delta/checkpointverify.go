package delta

import (
	"context"
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// checkpointTotals are what two readings of a checkpoint are compared by:
// actions of each kind, bytes of the live files and a sum of all paths, which
// does not depend on their order.
type checkpointTotals struct {
	seed                                        maphash.Seed
	adds, removes, txns, domains, tables, heads int64
	sidecars                                    int64
	bytes                                       int64
	paths                                       uint64
}

// checkpointFacts names the leaf that is read of each kind of action.
var checkpointFacts = map[string][]string{
	"add": {"path", "size"}, "remove": {"path"}, "txn": {"appId"}, "domainMetadata": {"domain"},
	"metaData": {"id"}, "protocol": {"minReaderVersion"}, "checkpointMetadata": {"version"}, "sidecar": {"path"},
}

func (c checkpointTotals) String() string {
	return fmt.Sprintf("%d files of %d bytes, %d tombstones, %d transactions, %d domains, %d sidecars, %d other actions (paths %x)",
		c.adds, c.bytes, c.removes, c.txns, c.domains, c.sidecars, c.tables+c.heads, c.paths)
}

// actions returns the number of all rows.
func (c checkpointTotals) actions() int64 {
	return c.adds + c.removes + c.txns + c.domains + c.tables + c.heads + c.sidecars
}

func (c *checkpointTotals) path(p string) { c.paths += maphash.String(c.seed, p) }

func (c *checkpointTotals) count(kind string, n int64) {
	switch kind {
	case "add":
		c.adds += n
	case "remove":
		c.removes += n
	case "txn":
		c.txns += n
	case "domainMetadata":
		c.domains += n
	case "checkpointMetadata":
		c.heads += n
	case "sidecar":
		c.sidecars += n
	default:
		c.tables += n
	}
}

// readAll reads the totals of a checkpoint in Parquet and of its sidecars.
func (c *checkpointTotals) readAll(ctx context.Context, st Storage, key string) error {
	var sidecars []string
	note := func(p string) { sidecars = append(sidecars, p) }
	if err := c.read(ctx, st, key, note); err != nil {
		return err
	}
	for _, name := range sidecars {
		if err := c.read(ctx, st, sidecarDir+path.Base(canonicalPath(name)), note); err != nil {
			return err
		}
	}
	return nil
}

func (c *checkpointTotals) read(ctx context.Context, st Storage, key string, sidecar func(string)) error {
	return readLeaves(ctx, st, key, checkpointFacts, func(rec arrow.RecordBatch) error {
		for i, field := range rec.Schema().Fields() {
			g, err := newGroup(field.Name, rec.Column(i))
			if err != nil {
				return err
			}
			paths, sizes := g.texts("path"), g.numbers("size")
			if g.err != nil {
				return g.err
			}
			for row := range g.present {
				c.count(field.Name, 1)
				c.bytes += sizes.get(row)
				switch field.Name {
				case "add", "remove":
					c.path(paths.get(row))
				case "sidecar":
					sidecar(keep(paths.get(row)))
				}
			}
		}
		return nil
	})
}

// readLeaves calls apply for batches of the named leaves of each kind of
// action.
func readLeaves(ctx context.Context, st Storage, key string, facts map[string][]string, apply func(arrow.RecordBatch) error) error {
	return withParquet(ctx, st, key, func(pq *file.Reader) error {
		var leaves []int
		sc := pq.MetaData().Schema
		for i := range sc.NumColumns() {
			words := sc.Column(i).ColumnPath()
			if len(words) == 2 && slices.Contains(facts[words[0]], words[1]) {
				leaves = append(leaves, i)
			}
		}
		return readBatches(ctx, pq, leaves, nil, apply)
	})
}

// readSidecarNames returns what a file of a checkpoint calls its sidecars.
func readSidecarNames(ctx context.Context, st Storage, key string) (names []string, err error) {
	if strings.HasSuffix(key, ".json") {
		err = withObject(ctx, st, key, func(obj Object) error {
			source := &logReader{object: obj}
			return source.verdict(readActions(source.section(), func(a *action) error {
				if a.Sidecar != nil {
					names = append(names, a.Sidecar.Path)
				}
				return nil
			}), "checkpoint is damaged")
		})
		return names, err
	}
	only := map[string][]string{"sidecar": {"path"}}
	err = readLeaves(ctx, st, key, only, func(rec arrow.RecordBatch) error {
		g, err := newGroup("sidecar", rec.Column(0))
		if err != nil {
			return err
		}
		paths := g.texts("path")
		for row := range g.present {
			names = append(names, keep(paths.get(row)))
		}
		return g.err
	})
	return names, err
}
