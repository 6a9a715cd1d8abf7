package sql

// Statements that name a table take the path of a Delta table too, as
// delta.`path` or as a string, which is parsed to the same [Name].

// Optimize is OPTIMIZE; semantics §15.9.
type Optimize struct {
	Range
	Table    *Name
	Full     bool
	Where    Expr // or nil
	ZOrderBy []*Column
}

// Reorg is REORG TABLE … APPLY (PURGE); semantics §15.9.
type Reorg struct {
	Range
	Table *Name
	Where Expr // or nil
}

// Vacuum is VACUUM; semantics §15.10.
type Vacuum struct {
	Range
	Table  *Name
	Mode   string   // "LITE", "FULL" or "", which is FULL
	Retain *float64 // hours; nil is the table's own retention
	DryRun bool
}

// Restore is RESTORE TABLE; semantics §15.8.
type Restore struct {
	Range
	Table *Name
	To    *TimeTravel
}

// Convert is CONVERT TO DELTA; semantics §15.11.
type Convert struct {
	Range
	Source        *Name
	NoStatistics  bool
	PartitionedBy []*ColumnDef // with their types
}

// Clone is the clause of CREATE TABLE that copies a table; semantics §15.11.
type Clone struct {
	Range
	Shallow    bool
	Source     *Name
	TimeTravel *TimeTravel // or nil: the newest version
}

// CommentOn is COMMENT ON; a comment of NULL is "".
type CommentOn struct {
	Range
	Kind    string // "TABLE", "COLUMN" or "SCHEMA"
	Name    *Name  // the table, for a column too
	Column  string // of COLUMN
	Comment string
}
