// Package delta reads and writes Delta Lake tables, with no JVM and no
// service: the log, snapshots, time travel, optimistic transactions and
// checkpoints of the open protocol, on any storage that can create an object
// only if it is absent.
//
// # Reading
//
// A [Table] is a handle on a [Storage]; a [Snapshot] is the table at one
// version and never changes:
//
//	table := delta.NewTable(storage, delta.Options{})
//	snapshot, err := table.Snapshot(ctx) // or SnapshotAt, SnapshotAsOf
//	for file, err := range snapshot.Files(ctx) {
//		…
//	}
//
// Ask the same Table again for news: it reads only the commits it has not
// seen, and one listing when there are none.
//
// # Writing
//
// Data files are written first, by a [Writer]; they are part of the table
// from the commit on that adds them:
//
//	tx := table.Begin(snapshot)
//	for _, file := range files {
//		tx.Add(file)
//	}
//	tx.SetTransaction("my-stream", 42) // what makes a retry harmless
//	version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE"})
//
// Begin(nil) creates the table. Any number of processes may commit at once:
// a commit that finds its version taken is checked against what got in first
// and tried again on top of it. A transaction that depends on what it read
// says so with ReadTable, ReadFiles or ReadTransaction; one that declares
// nothing and only adds files is a blind append, which hardly ever loses.
//
// # Changing rows
//
// [Table.Merge] brings rows into a table by their keys, in one commit: those
// that are there are replaced, the others inserted. Underneath is a
// [RowChange], with which DELETE, UPDATE and any other change is made: it is
// told which rows leave, by file and position, and which come, and picks the
// cheaper way that the table allows, deletion vectors or rewriting files.
//
// # Changes
//
// A table with the property delta.enableChangeDataFeed records what happened
// to rows; [Table.Changes] yields it for a range of versions:
//
//	for batch, err := range table.Changes(ctx, delta.ChangesOptions{From: 7, To: -1}) {
//		… // the table's columns, _change_type, _commit_version, _commit_timestamp
//		batch.Release()
//	}
//
// # Memory
//
// What grows with a table is only its list of files, about a hundred bytes
// each besides the path. Rows stream: a scan holds a few batches for each file
// it reads at a time, a writer what [WriterConfig.MemoryLimit] says. Who gets
// a batch releases it.
//
// # Errors
//
// What callers decide on is typed: [*NotFoundError], [*VersionNotFoundError],
// [*TimestampError], [*UnsupportedFeatureError] for tables that need what this
// package lacks, [*ConflictError] for a transaction that lost, and
// [*UnknownCommitError] when a storage failed in such a way that nobody can
// tell yet. Most carry Delta's own error class and SQLSTATE, by methods
// ErrorClass and SQLState.
//
// What is read and written of the protocol is one table, [Features].
package delta
