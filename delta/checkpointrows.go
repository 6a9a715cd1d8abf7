package delta

import "errors"

// These read the columns of one checkpoint batch, a method for each kind of
// action but those of files, which [fileLoad] reads.

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
