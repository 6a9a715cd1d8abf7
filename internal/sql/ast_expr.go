package sql

// LiteralKind tells literals apart.
type LiteralKind int

// The kinds of literal, by how they are written.
const (
	NullLiteral         LiteralKind = iota
	BooleanLiteral                  // TRUE; Value is "true" or "false"
	StringLiteral                   // 'x', "x", r'x'; Value is the text decoded
	BinaryLiteral                   // X'1F'; Value is upper-case hexadecimal
	IntegerLiteral                  // 1: INT, or BIGINT or DECIMAL when too large
	ByteLiteral                     // 1Y
	ShortLiteral                    // 1S
	LongLiteral                     // 1L
	DecimalLiteral                  // 1.5, 1BD
	FloatLiteral                    // 1F
	DoubleLiteral                   // 1D, 1e3
	DateLiteral                     // DATE'2024-01-31'
	TimestampLiteral                // TIMESTAMP'2024-01-31 10:00:00'
	TimestampNTZLiteral             // TIMESTAMP_NTZ'2024-01-31 10:00:00'
)

// Literal is a constant. Value holds its text without quotes, suffix and sign.
type Literal struct {
	Range
	Kind  LiteralKind
	Value string
}

// Interval is an INTERVAL literal: INTERVAL 1 DAY 2 HOURS, INTERVAL '1-2' YEAR
// TO MONTH, or INTERVAL '1 day', which has one field without a unit.
type Interval struct {
	Range
	Fields []*IntervalField
}

// IntervalField is one quantity of an interval.
type IntervalField struct {
	Range
	Value Expr
	Unit  string // singular and upper case: "DAY"; "" when the value's text tells
	To    string // the last unit of a range such as YEAR TO MONTH, else ""
}

// Column is a column by name. Parts before the last are its table's name, or
// the last are fields in a struct; only the query's tables tell.
type Column struct {
	Range
	Parts []string
}

// Star is * or t.*, with what it leaves out.
type Star struct {
	Range
	Qualifier []string
	Except    []*Column
}

// Parameter is a parameter marker, :name, or ? whose Name is "".
type Parameter struct {
	Range
	Name string
}

// Unary is an operator before its operand.
type Unary struct {
	Range
	Op string // "-", "+", "~" or "NOT"
	X  Expr
}

// Binary is an operator between two operands. == is "=", != is "<>".
type Binary struct {
	Range
	Op    string // "OR" "AND" "=" "<=>" "<>" "<" "<=" ">" ">=" "|" "^" "&" "<<" ">>" ">>>" "+" "-" "||" "*" "/" "%" "DIV"
	Left  Expr
	Right Expr
}

// In is x [NOT] IN (list) or x [NOT] IN (query).
type In struct {
	Range
	X     Expr
	Not   bool
	List  []Expr
	Query *Query // or nil
}

// Between is x [NOT] BETWEEN low AND high.
type Between struct {
	Range
	X    Expr
	Not  bool
	Low  Expr
	High Expr
}

// Like is x [NOT] LIKE pattern and its kin.
type Like struct {
	Range
	X          Expr
	Not        bool
	Kind       string // "LIKE", "ILIKE" or "RLIKE"; REGEXP is RLIKE
	Quantifier string // "", "ANY" or "ALL"; SOME is ANY
	Patterns   []Expr // one without a quantifier
	Escape     string // "" is the backslash
}

// Is is x IS [NOT] NULL, TRUE, FALSE or UNKNOWN.
type Is struct {
	Range
	X    Expr
	Not  bool
	What string // "NULL", "TRUE", "FALSE" or "UNKNOWN"
}

// IsDistinct is x IS [NOT] DISTINCT FROM y.
type IsDistinct struct {
	Range
	Left  Expr
	Not   bool
	Right Expr
}

// Exists is EXISTS (query).
type Exists struct {
	Range
	Query *Query
}

// ScalarSubquery is a query in parentheses that stands for its one value.
type ScalarSubquery struct {
	Range
	Query *Query
}

// Case is CASE [operand] WHEN … THEN … [ELSE …] END.
type Case struct {
	Range
	Operand Expr // or nil
	Whens   []*When
	Else    Expr // or nil
}

// When is one branch of a [Case].
type When struct {
	Range
	Cond Expr
	Then Expr
}

// Cast is CAST(x AS type), TRY_CAST(x AS type) or x::type.
type Cast struct {
	Range
	X    Expr
	Type *TypeName
	Try  bool
}

// FunctionCall is a call of a scalar, aggregate, window or generator function.
//
// Special spellings are folded to plain calls: EXTRACT(f FROM x) is
// date_part('f', x), POSITION(a IN b) is position(a, b), SUBSTRING(x FROM a
// FOR b) is substring(x, a, b), TRIM(BOTH t FROM x) is btrim(x, t),
// TRIM(LEADING t FROM x) is ltrim(t, x), TRIM(TRAILING t FROM x) is rtrim(t, x),
// OVERLAY(x PLACING y FROM a FOR b) is overlay(x, y, a, b), CURRENT_DATE is
// current_date(), the unit of DATEADD(DAY, 1, x) is a string, and
// STRUCT(1 AS a, b) with an alias is named_struct('a', 1, 'b', b).
type FunctionCall struct {
	Range
	Name     *Name
	Args     []Expr // count(*) has a *Star; f(k => v) a *NamedArgument
	Distinct bool
	// WithinGroup is the order of WITHIN GROUP (ORDER BY …).
	WithinGroup []*SortItem
	Filter      Expr    // of FILTER (WHERE …), or nil
	Nulls       string  // "IGNORE", "RESPECT" or ""
	Over        *Window // or nil
}

// NamedArgument is an argument passed by name: key => value.
type NamedArgument struct {
	Range
	Name  string
	Value Expr
}

// Window is a window specification. A window that is only a name, as in
// OVER w, has the Name alone.
type Window struct {
	Range
	Name        string
	PartitionBy []Expr
	OrderBy     []*SortItem
	Frame       *Frame // or nil
}

// Frame is a window's frame.
type Frame struct {
	Range
	Unit  string // "ROWS" or "RANGE"
	Start *FrameBound
	End   *FrameBound // or nil: the current row
}

// FrameBound is one end of a frame.
type FrameBound struct {
	Range
	Kind   string // "UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING" or "UNBOUNDED FOLLOWING"
	Offset Expr   // of PRECEDING and FOLLOWING, else nil
}

// Lambda is x -> body or (x, y) -> body.
type Lambda struct {
	Range
	Params []string
	Body   Expr
}

// Subscript is x[index]: an array's element, counted from 0, or a map's value.
type Subscript struct {
	Range
	X     Expr
	Index Expr
}

// Field is x.name where x is not itself a name; a.b is a [Column].
type Field struct {
	Range
	X    Expr
	Name string
}

// Tuple is (a, b, …), or () among grouping sets.
type Tuple struct {
	Range
	Items []Expr
}

// JSONPath is x:path, which extracts from JSON text.
type JSONPath struct {
	Range
	X     Expr
	Steps []JSONStep
}

// JSONStep is one step of a [JSONPath].
type JSONStep struct {
	Kind  JSONStepKind
	Key   string // of a key step
	Exact bool   // the key was quoted and its case matters
	Index int    // of an index step
}

// JSONStepKind tells steps apart.
type JSONStepKind int

// The kinds of step.
const (
	KeyStep      JSONStepKind = iota // .key, ['key']
	IndexStep                        // [0]
	WildcardStep                     // [*]
)
