package session

import (
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Result is what one statement returned.
type Result struct {
	Statement sql.Statement
	// Schema is the columns of the result; nil when the statement has none.
	Schema *schema.Struct
	// Rows yields the result once, in Arrow per [schema.ToArrow]. It must be
	// consumed, or abandoned by leaving its loop, before the next statement
	// runs. Batches are released after the loop body.
	Rows iter.Seq2[arrow.RecordBatch, error]
}

// resultOf returns rows as the result of a statement.
func resultOf(t *rowset.Table) *Result { return &Result{Schema: t.Schema, Rows: t.Batches()} }

// Progress is how far the running statement is. Totals are 0 while unknown.
type Progress struct {
	Started    time.Time
	Files      int64
	TotalFiles int64
	Rows       int64
	Bytes      int64 // of the source files as stored
	TotalBytes int64
}
