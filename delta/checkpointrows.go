package delta

import (
	"cmp"
	"errors"
	"slices"
)

// These read the columns of one checkpoint batch, a method for each action.

func (r *replay) readAdds(g *group) error {
	paths, parts, stats := g.texts("path"), g.pairs("partitionValues"), g.texts("stats")
	sizes, times, changes := g.numbers("size"), g.numbers("modificationTime"), g.flags("dataChange")
	rare := newRareColumns(g)
	if g.err != nil {
		return g.err
	}
	var row fileRow
	for i := range g.present {
		row = fileRow{
			path: append(row.path[:0], paths.get(i)...), part: r.files.internPairs(parts, i),
			stats: append(row.stats[:0], stats.get(i)...), size: sizes.get(i), time: times.get(i),
			flags: flagIf(changes.get(i), flagDataChange), rare: rare.get(i),
		}
		if len(row.stats) == 0 {
			row.stats = g.statsText(row.stats, i)
		}
		if len(row.path) == 0 {
			return errNoPath
		}
		r.files.put(&row)
	}
	return nil
}

func (r *replay) readRemoves(g *group) error {
	paths, parts := g.texts("path"), g.pairs("partitionValues")
	sizes, times := g.numbers("size"), g.numbers("deletionTimestamp")
	changes, extended := g.flags("dataChange"), g.flags("extendedFileMetadata")
	rare := newRareColumns(g)
	if g.err != nil {
		return g.err
	}
	var row fileRow
	for i := range g.present {
		row = fileRow{
			path: append(row.path[:0], paths.get(i)...), part: r.files.internPairs(parts, i),
			size: sizes.get(i), time: times.get(i), rare: rare.get(i),
			flags: flagTombstone | flagIf(changes.get(i), flagDataChange) | flagIf(extended.get(i), flagExtended) |
				flagIf(sizes.null(i), flagNoSize) | flagIf(parts.null(i), flagNoParts),
		}
		if len(row.path) == 0 {
			return errNoPath
		}
		r.files.put(&row)
	}
	return nil
}

// rareColumns are the columns of [rareFields].
type rareColumns struct {
	tags                  pairColumn
	baseRowID, rowVersion numberColumn
	provider              textColumn

	dv                            *group
	storage, inline               textColumn
	dvOffset, dvSize, cardinality numberColumn
}

func newRareColumns(g *group) *rareColumns {
	c := &rareColumns{
		tags: g.pairs("tags"), baseRowID: g.numbers("baseRowId"), rowVersion: g.numbers("defaultRowCommitVersion"),
		provider: g.texts("clusteringProvider"), dv: g.sub("deletionVector"),
	}
	c.storage, c.inline = c.dv.texts("storageType"), c.dv.texts("pathOrInlineDv")
	c.dvOffset, c.dvSize, c.cardinality = c.dv.numbers("offset"), c.dv.numbers("sizeInBytes"), c.dv.numbers("cardinality")
	if c.dv.err != nil {
		g.fail(c.dv.err)
	}
	return c
}

// get returns the rare fields of a row, or nil when it has none.
func (c *rareColumns) get(row int) *rareFields {
	r := rareFields{
		tags: c.tags.getTexts(row), baseRowID: c.baseRowID.pointer(row),
		defaultRowCommitVersion: c.rowVersion.pointer(row), clusteringProvider: keep(c.provider.get(row)),
	}
	// A nested struct that is null is told from an empty one by its first
	// field, which the protocol requires: some writers lose the difference.
	if c.dv.has(row) && c.storage.get(row) != "" {
		r.dv = &DeletionVector{
			StorageType: keep(c.storage.get(row)), PathOrInlineDV: keep(c.inline.get(row)),
			SizeInBytes: int32(c.dvSize.get(row)), Cardinality: c.cardinality.get(row),
		}
		if offset := c.dvOffset.pointer(row); offset != nil {
			o := int32(*offset)
			r.dv.Offset = &o
		}
	}
	if r.dv == nil && r.tags == nil && r.baseRowID == nil && r.defaultRowCommitVersion == nil && r.clusteringProvider == "" {
		return nil
	}
	return &r
}

func (r *replay) readMetaData(g *group) error {
	ids, names, descriptions := g.texts("id"), g.texts("name"), g.texts("description")
	schemas, columns, config := g.texts("schemaString"), g.lists("partitionColumns"), g.pairs("configuration")
	created, format := g.numbers("createdTime"), g.sub("format")
	providers, options := format.texts("provider"), format.pairs("options")
	if err := errors.Join(g.err, format.err); err != nil {
		return err
	}
	for i := range g.present {
		r.metaData = &metadataJSON{
			ID: keep(ids.get(i)), Name: names.pointer(i), Description: descriptions.pointer(i),
			Format:       formatJSON{Provider: keep(providers.get(i)), Options: options.getTexts(i)},
			SchemaString: keep(schemas.get(i)), PartitionColumns: columns.get(i), Configuration: config.getTexts(i),
			CreatedTime: created.pointer(i),
		}
	}
	return nil
}

func (r *replay) readProtocol(g *group) error {
	readers, writers := g.numbers("minReaderVersion"), g.numbers("minWriterVersion")
	readerFeatures, writerFeatures := g.lists("readerFeatures"), g.lists("writerFeatures")
	if g.err != nil {
		return g.err
	}
	for i := range g.present {
		r.protocol = &Protocol{
			MinReader: int(readers.get(i)), MinWriter: int(writers.get(i)),
			ReaderFeatures: readerFeatures.get(i), WriterFeatures: writerFeatures.get(i),
		}
	}
	return nil
}

func (r *replay) readTxns(g *group) error {
	apps, versions, updated := g.texts("appId"), g.numbers("version"), g.numbers("lastUpdated")
	if g.err != nil {
		return g.err
	}
	for i := range g.present {
		app := keep(apps.get(i))
		r.txns[app] = SetTransaction{AppID: app, Version: versions.get(i), LastUpdated: updated.pointer(i)}
	}
	return nil
}

func (r *replay) readDomains(g *group) error {
	names, configs, removed := g.texts("domain"), g.texts("configuration"), g.flags("removed")
	if g.err != nil {
		return g.err
	}
	for i := range g.present {
		if removed.get(i) {
			continue
		}
		name := keep(names.get(i))
		r.domains[name] = DomainMetadata{Domain: name, Configuration: keep(configs.get(i))}
	}
	return nil
}

func (r *replay) readSidecars(g *group) error {
	paths := g.texts("path")
	if g.err != nil {
		return g.err
	}
	for i := range g.present {
		r.sidecars = append(r.sidecars, keep(paths.get(i)))
	}
	return nil
}

// internPairs returns a row's partition values in the form in which they are
// kept, as one string for all rows that share them.
func (b *fileSetBuilder) internPairs(pairs pairColumn, row int) string {
	b.scratch = b.scratch[:0]
	b.entries = b.entries[:0]
	pairs.each(row, func(key string, entry int) {
		b.entries = append(b.entries, partitionEntry{name: key, value: pairs.values.pointer(entry)})
	})
	slices.SortFunc(b.entries, func(x, y partitionEntry) int { return cmp.Compare(x.name, y.name) })
	for _, e := range b.entries {
		b.scratch = appendPartitionValue(b.scratch, e.name, e.value)
	}
	if id, ok := b.partIDs[string(b.scratch)]; ok {
		return b.open.seg.parts[id]
	}
	return string(b.scratch)
}

// partitionEntry is one partition value of one row.
type partitionEntry struct {
	name  string
	value *string
}
