// Package sql reads and writes SQL: a lexer, a parser and a syntax tree of the
// Databricks dialect, and printers of the tree back to that dialect (the
// String methods) and to DuckDB's ([Printer]).
//
// The tree keeps what the text says, not what it means: names are unresolved
// and types unchecked. Parentheses around expressions are not nodes; printers
// add those that the tree needs. Some spellings are folded to one form as they
// are parsed, each noted at its node: EXTRACT(YEAR FROM x) becomes
// date_part('YEAR', x).
package sql

import "github.com/freshet/freshet/schema"

// Node is a part of the syntax tree. Printing a node by String gives
// Databricks SQL that parses to an equal tree, positions aside.
type Node interface {
	Pos() Range
	String() string
	node()
}

// Statement is one whole statement.
type Statement interface {
	Node
	statement()
}

// QueryBody is what a [Query] orders and limits: *Select, *SetOperation,
// *Values or, in parentheses, *Query itself.
type QueryBody interface {
	Node
	queryBody()
}

// TableRef is an item of a FROM clause: *Table, *TableFunction, *Subquery,
// *InlineTable, *Join, *Pivot, *Unpivot or *TableGroup.
type TableRef interface {
	Node
	tableRef()
}

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// Range is a stretch of the parsed text: byte offsets, End exclusive.
type Range struct {
	Start, End int
}

// Pos returns the range itself; nodes embed it.
func (r Range) Pos() Range { return r }

func (Range) node() {}

// Name names a table, view, schema or function in one to three parts, or by
// IDENTIFIER(expr), in which case Parts is empty.
type Name struct {
	Range
	Parts []string
	// Quoted says that the name is of the form delta.`path`, the last part
	// between backticks; see Path.
	Quoted bool
	// Expr is the operand of IDENTIFIER, or nil. It must be constant.
	Expr Expr
}

// TypeName is a data type. CHAR(n) and VARCHAR(n) are STRING.
type TypeName struct {
	Range
	Type schema.Type
}

// Property is one key and value of TBLPROPERTIES, OPTIONS, FORMAT_OPTIONS and
// their like. The value is a literal's text without its quotes.
type Property struct {
	Range
	Key   string
	Value string
}
