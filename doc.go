// Package freshet loads files and tables into open Delta Lake tables, exactly
// once, with the SQL that Databricks users know. It is the program freshet as
// a library: no server, no cluster, no JVM.
//
// A [Workspace] is a directory with a catalog and tables. SQL runs in it, and
// results come as Arrow:
//
//	ws, err := freshet.Open(ctx, freshet.Config{Workspace: "freshet-data"})
//	if err != nil {
//		return err
//	}
//	defer ws.Close()
//	err = ws.Exec(ctx, "COPY INTO readings FROM '/data/in' FILEFORMAT = JSON")
//	…
//	for batch, err := range ws.Query(ctx, "SELECT sensor, max(t) FROM readings GROUP BY sensor") {
//		…
//	}
//
// A [Stream] is a query over what keeps coming: files of a folder, or rows that
// are appended to a table. Started, it is a [StreamingQuery], which runs in
// batches, each exactly once whatever crashes, and remembers in its checkpoint
// how far it has come:
//
//	q, err := ws.Stream("SELECT * FROM STREAM read_files('/data/in', format => 'json', schemaHints => 'ts TIMESTAMP')").
//		WithWatermark("ts", time.Hour).
//		DropDuplicatesWithinWatermark("id").
//		Start(ctx, freshet.Sink{Checkpoint: "/data/checkpoint", Table: "readings"})
//	if err != nil {
//		return err
//	}
//	err = q.AwaitTermination(ctx)
//
// A sink is a table, or a function that is called with each batch
// ([Sink].ForeachBatch). Names are those of Spark's Structured Streaming, and
// so is what they mean.
//
// Errors have Databricks' error class and SQLSTATE; see [ErrorClass].
//
// Programs are built with the tag duckdb_arrow and with cgo, as the engine is
// DuckDB: go build -tags duckdb_arrow.
package freshet
