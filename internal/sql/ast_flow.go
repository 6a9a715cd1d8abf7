package sql

// CreateFlow is CREATE FLOW name AS …, a flow into a streaming table that has
// no query of its own, and APPLY CHANGES INTO and the clause FLOW of CREATE
// STREAMING TABLE, which name none. It has an Insert or a CDC.
type CreateFlow struct {
	Range
	Name    *Name // or nil: that of the target
	Comment string
	Once    bool     // it runs once, and again after a full refresh
	Insert  *Insert  // INSERT INTO t BY NAME query, or nil
	CDC     *AutoCDC // or nil
}

// Target is the table that the flow writes to.
func (n *CreateFlow) Target() *Name {
	if n.CDC != nil {
		return n.CDC.Target
	}
	return n.Insert.Table
}

// Reads is a query that reads what the flow does.
func (n *CreateFlow) Reads() *Query {
	if n.CDC == nil {
		return n.Insert.Query
	}
	return &Query{Body: &Select{Items: []*SelectItem{{Expr: &Star{}}}, From: []TableRef{n.CDC.Source}}}
}

// AutoCDC is AUTO CDC … INTO and AUTO CDC FROM SNAPSHOT; semantics §13.1.
type AutoCDC struct {
	Range
	Snapshot    bool // FROM SNAPSHOT: the source is all rows, not their changes
	Target      *Name
	Source      TableRef
	Keys        []*Column
	IgnoreNulls *ColumnSet // of IGNORE NULL UPDATES, or nil
	Delete      Expr       // of APPLY AS DELETE WHEN, or nil
	Truncate    Expr       // of APPLY AS TRUNCATE WHEN, or nil
	Sequence    Expr       // nil of a snapshot alone
	Columns     *ColumnSet // of COLUMNS, or nil: all
	History     bool       // STORED AS SCD TYPE 2
	Tracked     *ColumnSet // of TRACK HISTORY ON, or nil: all
}

// ColumnSet is columns by name, or all but those.
type ColumnSet struct {
	Range
	Except  bool // * EXCEPT (…); without names it is all
	Columns []*Column
}

// DropFlow is DROP FLOW.
type DropFlow struct {
	Range
	Name     *Name
	IfExists bool
}

func (*CreateFlow) statement() {}
func (*DropFlow) statement()   {}

func (n *CreateFlow) String() string { return format(n) }
func (n *DropFlow) String() string   { return format(n) }
func (n *AutoCDC) String() string    { return format(n) }
func (n *ColumnSet) String() string  { return format(n) }
