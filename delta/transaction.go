package delta

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Transaction gathers actions that become one commit, or none. It is not
// safe for concurrent use and commits at most once.
type Transaction struct {
	table *Table
	base  *Snapshot // nil creates the table

	adds     []AddFile
	removes  []RemoveFile
	changes  []changeFile
	metadata *Metadata
	protocol *Protocol
	txns     []SetTransaction
	domains  []DomainMetadata

	readTable  bool
	predicates []Predicate
	readFiles  map[string]bool
	readApps   map[string]bool
	rowIDs     *bool // see SetRowIDsPreserved
	protects   bool  // what is before the commit, see [Table.DropFeature]
	done       bool
}

// Begin starts a transaction on a version of the table; it may be retried on
// top of later versions as long as they do not conflict. A nil base creates
// the table, which then needs [Transaction.SetMetadata].
func (t *Table) Begin(base *Snapshot) *Transaction {
	return &Transaction{table: t, base: base}
}

// Add puts a data file, which must exist already, into the table.
func (tx *Transaction) Add(f AddFile) { tx.adds = append(tx.adds, f) }

// Remove takes a data file out of the table; see [AddFile.Remove].
func (tx *Transaction) Remove(f RemoveFile) { tx.removes = append(tx.removes, f) }

// SetMetadata replaces the table's metadata whole: begin with a
// [Metadata.Clone] of the current one to keep what is not meant to change.
// Features that it needs are added to the protocol. Properties named
// delta.feature.<name> add that feature and are not kept.
func (tx *Transaction) SetMetadata(m Metadata) {
	m = m.Clone()
	tx.metadata = &m
}

// SetProtocol replaces the table's protocol. It is seldom needed: metadata
// adds the features it uses by itself.
func (tx *Transaction) SetProtocol(p Protocol) {
	p = p.clone()
	tx.protocol = &p
}

// SetTransaction records how far an application has come, atomically with
// the commit. It conflicts with any commit that records the same application
// at the same time.
func (tx *Transaction) SetTransaction(appID string, version int64) {
	tx.txns = append(tx.txns, SetTransaction{AppID: appID, Version: version})
}

// SetDomainMetadata sets the configuration of a domain, or removes it.
func (tx *Transaction) SetDomainMetadata(domain, config string, removed bool) {
	tx.domains = append(tx.domains, DomainMetadata{Domain: domain, Configuration: config, Removed: removed})
}

// ReadTable declares that the transaction depends on all rows of its base:
// any concurrent change of rows is a conflict, as far as the isolation level
// says. A transaction that declares no reading and only adds files is a
// blind append, which conflicts with next to nothing.
func (tx *Transaction) ReadTable() { tx.readTable = true }

// ReadPredicate declares that the transaction depends on the rows of its base
// for which p may be true: a concurrent commit that adds a file conflicts
// when the file's partition values do not rule p out, one that removes a file
// when its statistics do not either. Unlike [Transaction.ReadTable] it leaves
// commits to other partitions alone.
func (tx *Transaction) ReadPredicate(p Predicate) { tx.predicates = append(tx.predicates, p) }

// ReadFiles declares that the transaction depends on these files, named as
// in [AddFile.Path], staying in the table.
func (tx *Transaction) ReadFiles(paths ...string) {
	for _, p := range paths {
		tx.readFiles = with(tx.readFiles, canonicalPath(p))
	}
}

// ReadTransaction declares that the transaction depends on how far an
// application has come.
func (tx *Transaction) ReadTransaction(appID string) { tx.readApps = with(tx.readApps, appID) }

// Commit makes the transaction the next version of the table and returns
// that version. When others got in first it is retried on top of them unless
// they conflict; the error is then a [*ConflictError], and nothing of the
// transaction is in the table. After an [*UnknownCommitError] it may be; any
// other error means that it is not.
//
// Commit also writes the version's checksum, and a checkpoint when one is
// due, after which it removes what the table no longer keeps of its log; with
// [Options.Background] a checkpoint does not hold it up. Failing to is
// logged, not returned: the commit stands. Cancelling ctx never leaves a commit half
// done: it takes effect between tries.
func (tx *Transaction) Commit(ctx context.Context, info CommitInfo) (int64, error) {
	if tx.done {
		return 0, &ActionError{Reason: "the transaction has been committed"}
	}
	c, err := tx.prepare(info)
	if err != nil {
		return 0, err
	}
	tx.done = true
	version, err := c.run(ctx)
	if err != nil {
		return 0, err
	}
	tx.table.follow(ctx, version, c.mine.base)
	return version, nil
}

// prepare checks the transaction against the protocol and turns it into the
// bytes of a commit.
func (tx *Transaction) prepare(info CommitInfo) (*commit, error) {
	metadata, protocol, err := tx.target()
	if err != nil {
		return nil, err
	}
	if err := tx.check(metadata); err != nil {
		return nil, err
	}
	if tx.base != nil && len(tx.adds) > 0 {
		if err := tx.base.checkClustering(); err != nil {
			return nil, err
		}
	}
	mine, err := tx.intent(metadata, protocol)
	if err != nil {
		return nil, err
	}
	c := &commit{table: tx.table, tx: tx, mine: mine, version: tx.baseVersion() + 1, now: tx.table.opts.Clock().UnixMilli()}
	if err := c.start(); err != nil {
		return nil, err
	}
	if c.head, err = tx.commitInfo(info, mine, c.now); err != nil {
		return nil, err
	}
	return c, c.encode()
}

func (tx *Transaction) baseVersion() int64 {
	if tx.base == nil {
		return -1
	}
	return tx.base.Version()
}

// target returns the metadata and protocol the table will have, and leaves
// in tx what has to be written to get there.
func (tx *Transaction) target() (*Metadata, Protocol, error) {
	protocol := Protocol{MinReader: 1, MinWriter: 2}
	if tx.base != nil {
		protocol = tx.base.protocol
	}
	old := protocol
	if tx.protocol != nil {
		protocol = *tx.protocol
	}
	var metadata *Metadata
	switch {
	case tx.metadata != nil:
		metadata = tx.metadata
		named := takeFeatures(metadata.Configuration)
		if err := checkMetadata(metadata); err != nil {
			return nil, protocol, err
		}
		if err := tx.complete(metadata); err != nil {
			return nil, protocol, err
		}
		protocol = protocol.withFeatures(append(named, featuresInUse(metadata)...)...)
	case tx.base != nil:
		metadata = &tx.base.metadata
	default:
		return nil, protocol, &ActionError{Reason: "a new table needs metadata"}
	}
	if len(tx.domains) > 0 {
		protocol = protocol.withFeatures("domainMetadata")
	}
	if tx.base == nil || !equalProtocols(protocol, old) {
		tx.protocol = &protocol
	}
	return metadata, protocol, checkWrite(protocol, metadata)
}

func equalProtocols(a, b Protocol) bool {
	return a.MinReader == b.MinReader && a.MinWriter == b.MinWriter &&
		slices.Equal(a.ReaderFeatures, b.ReaderFeatures) && slices.Equal(a.WriterFeatures, b.WriterFeatures)
}

// complete fills in what every table has: an identity, which it keeps, and
// the time of its creation. Features add what they need.
func (tx *Transaction) complete(m *Metadata) error {
	if m.Configuration == nil {
		m.Configuration = make(map[string]string)
	}
	if m.ID == "" && tx.base != nil {
		m.ID = tx.base.metadata.ID
	}
	if m.ID == "" {
		m.ID = tx.table.opts.NewID()
	}
	if m.CreatedTime == 0 {
		m.CreatedTime = tx.table.opts.Clock().UnixMilli()
	}
	tx.mapColumns(m)
	if tx.base != nil {
		keepEnablement(m, &tx.base.metadata)
	}
	return tx.prepareRowTracking(m)
}

// mapColumns completes the mapping of columns, if the table maps them. Files
// from before it did know columns by their own names.
func (tx *Transaction) mapColumns(m *Metadata) {
	if !hasColumnMapping(m) || mapped(m.Schema) {
		return
	}
	if tx.base != nil && !hasColumnMapping(&tx.base.metadata) {
		m.mapColumns(ownName)
		return
	}
	m.mapColumns(func(schema.Field) string { return "col-" + tx.table.opts.NewID() })
}

// takeFeatures removes the properties that are instructions about the
// protocol from a configuration and returns the features they name.
func takeFeatures(config map[string]string) []string {
	var names []string
	for property := range maps.Clone(config) {
		name, ok := strings.CutPrefix(property, FeaturePrefix)
		if ok {
			names = append(names, name)
		}
		if ok || property == "delta.minReaderVersion" || property == "delta.minWriterVersion" || property == "delta.ignoreProtocolDefaults" {
			delete(config, property)
		}
	}
	slices.Sort(names)
	return names
}

// checkMetadata returns the first rule that metadata breaks.
func checkMetadata(m *Metadata) error {
	if m.Schema == nil {
		return &ActionError{Reason: "metadata without a schema"}
	}
	if err := m.Schema.Validate(); err != nil {
		return err
	}
	for i, name := range m.PartitionColumns {
		at := m.Schema.Index(name)
		if at < 0 {
			return &ActionError{Reason: fmt.Sprintf("partition column %q is not in the schema", name)}
		}
		if slices.Contains(m.PartitionColumns[:i], name) {
			return &ActionError{Reason: fmt.Sprintf("partition column %q is named twice", name)}
		}
		switch t := m.Schema.Fields[at].Type.(type) {
		case schema.Array, schema.Map, *schema.Struct:
			return &ActionError{Reason: fmt.Sprintf("column %q of type %v cannot partition a table", name, t)}
		}
	}
	if n := len(m.PartitionColumns); n > 0 && n == len(m.Schema.Fields) {
		return &ActionError{Reason: "all columns are partition columns"}
	}
	return checkColumnNames(m)
}

func checkColumnNames(m *Metadata) error {
	if hasColumnMapping(m) {
		return nil
	}
	var bad []string
	anyField(m.Schema, func(f schema.Field) bool {
		if strings.ContainsAny(f.Name, " ,;{}()\n\t=") {
			bad = append(bad, f.Name)
		}
		return false
	})
	if bad != nil {
		return &ColumnNameError{Names: bad}
	}
	return nil
}

// check returns the first rule of the protocol that the actions break
// (protocol: Actions; one action for a path, an application, a domain).
func (tx *Transaction) check(m *Metadata) error {
	illegal := func(format string, args ...any) error { return &ActionError{Reason: fmt.Sprintf(format, args...)} }
	removed := make(map[string]*RemoveFile, len(tx.removes))
	for i := range tx.removes {
		f := &tx.removes[i]
		p := canonicalPath(f.Path)
		if f.Path == "" || removed[p] != nil {
			return illegal("file %q is removed twice, or has no path", f.Path)
		}
		if f.DataChange && isSet("delta.appendOnly")(m) {
			return &AppendOnlyError{}
		}
		if dv, live := tx.liveVector(p); live && dv != f.DeletionVector.UniqueID() {
			return illegal("file %q is removed with a deletion vector it does not have", f.Path)
		}
		removed[p] = f
	}
	added, partitions := make(map[string]bool, len(tx.adds)), m.PhysicalPartitionColumns()
	for i := range tx.adds {
		f := &tx.adds[i]
		p := canonicalPath(f.Path)
		if f.Path == "" || added[p] {
			return illegal("file %q is added twice, or has no path", f.Path)
		}
		added[p] = true
		if old := removed[p]; old != nil && old.DeletionVector.UniqueID() == f.DeletionVector.UniqueID() {
			return illegal("file %q is added and removed with the same deletion vector", f.Path)
		}
		if dv, live := tx.liveVector(p); live && removed[p] == nil && dv != f.DeletionVector.UniqueID() {
			return illegal("file %q gets another deletion vector without being removed", f.Path)
		}
		for _, column := range partitions {
			if _, ok := f.PartitionValues[column]; !ok {
				return illegal("file %q has no value for partition column %q", f.Path, column)
			}
		}
	}
	apps, domains := make(map[string]bool), make(map[string]bool)
	for _, txn := range tx.txns {
		if txn.AppID == "" || apps[txn.AppID] {
			return illegal("application %q is recorded twice, or has no name", txn.AppID)
		}
		apps[txn.AppID] = true
	}
	for _, d := range tx.domains {
		if d.Domain == "" || domains[d.Domain] {
			return illegal("domain %q is set twice, or has no name", d.Domain)
		}
		domains[d.Domain] = true
	}
	return nil
}

// liveVector returns the deletion vector of a file of the base, if it is
// there.
func (tx *Transaction) liveVector(canonical string) (dvID string, live bool) {
	if tx.base == nil {
		return "", false
	}
	rare, live := tx.base.files.live(canonical)
	return rare.dvID(), live
}

// intent returns what the transaction would do and depends on.
func (tx *Transaction) intent(metadata *Metadata, protocol Protocol) (*intent, error) {
	mine := &intent{
		footprint: footprint{txnID: tx.table.opts.NewID(), protocol: tx.protocol, metadata: tx.metadata},
		level:     tx.level(metadata),
		readTable: tx.readTable, readFiles: tx.readFiles, readApps: tx.readApps,
		base: metadata, basis: protocol,
	}
	mine.blind = len(tx.removes) == 0 && !tx.readTable && len(tx.readFiles) == 0 && len(tx.predicates) == 0
	for i := range tx.removes {
		mine.removes = with(mine.removes, canonicalPath(tx.removes[i].Path))
	}
	for _, txn := range tx.txns {
		mine.apps = with(mine.apps, txn.AppID)
	}
	for _, d := range tx.domains {
		mine.domains = with(mine.domains, d.Domain)
	}
	return mine, tx.readBy(mine)
}

// readBy makes the conditions by which the transaction read ready for use.
func (tx *Transaction) readBy(mine *intent) error {
	if tx.base == nil {
		return nil
	}
	mine.baseFiles = tx.base.filesOf
	for _, p := range tx.predicates {
		filter, err := newFileFilter(&tx.base.metadata, p)
		if err != nil {
			return err
		}
		mine.predicates = append(mine.predicates, filter)
	}
	return nil
}

// level returns the isolation that the commit needs. Commits that only move
// rows between files need little.
func (tx *Transaction) level(m *Metadata) isolation {
	changes := slices.ContainsFunc(tx.adds, func(f AddFile) bool { return f.DataChange }) ||
		slices.ContainsFunc(tx.removes, func(f RemoveFile) bool { return f.DataChange })
	others := tx.metadata != nil || tx.protocol != nil || len(tx.txns) > 0 || len(tx.domains) > 0
	switch {
	case !changes && !others:
		return snapshotIsolation
	case strings.EqualFold(m.Configuration["delta.isolationLevel"], string(writeSerializable)):
		return writeSerializable
	}
	return serializable
}
