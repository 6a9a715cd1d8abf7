package sql

// Query is a query with what surrounds its body. It is a [Statement] too.
type Query struct {
	Range
	With *With // or nil
	Body QueryBody

	OrderBy      []*SortItem
	OrderByAll   bool // ORDER BY ALL; OrderBy then has one item without an expression
	SortBy       []*SortItem
	DistributeBy []Expr
	ClusterBy    []Expr
	Limit        Expr // or nil; LIMIT ALL is nil
	Offset       Expr // or nil
}

// With is the list of common table expressions before a query.
type With struct {
	Range
	Recursive bool
	Tables    []*CommonTable
}

// CommonTable is one common table expression: name [(columns)] AS (query).
type CommonTable struct {
	Range
	Name    string
	Columns []string
	Query   *Query
}

// Select is SELECT … FROM … WHERE …, up to its QUALIFY and WINDOW clauses.
type Select struct {
	Range
	Distinct     bool
	DistinctOn   *DistinctOn // of DISTINCT ON (…), which is a DISTINCT too, or nil
	Items        []*SelectItem
	From         []TableRef // separated by commas
	LateralViews []*LateralView
	Where        Expr     // or nil
	GroupBy      *GroupBy // or nil
	Having       Expr     // or nil
	Qualify      Expr     // or nil
	Windows      []*NamedWindow
}

// DistinctOn is ON (keys) [WITHIN WATERMARK] after DISTINCT: of rows with equal
// keys the first one counts. Over a stream with a watermark, WITHIN WATERMARK
// forgets keys when the watermark has passed their rows by its delay.
type DistinctOn struct {
	Range
	Keys            []Expr
	WithinWatermark bool
}

// SelectItem is one item of a select list.
type SelectItem struct {
	Range
	Expr    Expr
	Alias   string   // "" when there is none
	Aliases []string // of a generator: explode(m) AS (k, v)
}

// GroupBy is a GROUP BY clause. GROUP BY a, b WITH ROLLUP and GROUP BY a, b
// GROUPING SETS (…) have one item, a *GroupingSets.
type GroupBy struct {
	Range
	All   bool // GROUP BY ALL
	Items []Expr
}

// GroupingSets is ROLLUP (…), CUBE (…) or GROUPING SETS (…). It stands only
// among the items of a [GroupBy] and in itself.
type GroupingSets struct {
	Range
	Kind  string // "ROLLUP", "CUBE" or "GROUPING SETS"
	Items []Expr // a set of several columns is a *Tuple, as is the empty set
}

// LateralView is LATERAL VIEW [OUTER] call table [AS columns].
type LateralView struct {
	Range
	Outer   bool
	Call    *FunctionCall
	Table   string // "" when there is none
	Columns []string
}

// NamedWindow is one definition of a WINDOW clause.
type NamedWindow struct {
	Range
	Name string
	Spec *Window
}

// SetOperation joins two query bodies.
type SetOperation struct {
	Range
	Kind  string // "UNION", "EXCEPT" or "INTERSECT"; MINUS is EXCEPT
	All   bool
	Left  QueryBody
	Right QueryBody
}

// Values is VALUES row, …; each row is a *Tuple or a single expression.
type Values struct {
	Range
	Rows []Expr
}

// SortItem is one item of ORDER BY and SORT BY.
type SortItem struct {
	Range
	Expr  Expr // nil in ORDER BY ALL
	Desc  bool
	Nulls string // "FIRST", "LAST" or ""; Spark's default is first unless Desc
}

// Alias is the name a table reference has in the query.
type Alias struct {
	Range
	Name    string
	Columns []string
}

// Table is a reference to a table or view by name, or to files by format and
// path as in delta.`/path`; see [Name.Path].
type Table struct {
	Range
	Name       *Name
	Stream     bool        // STREAM t, STREAM(t)
	TimeTravel *TimeTravel // or nil
	Options    []*Property // of a stream: WITH (skipChangeCommits); a bare key is true
	Sample     *Sample     // or nil
	Watermark  *Watermark  // of a stream, or nil
	Alias      *Alias      // or nil
}

// Watermark is WATERMARK column DELAY OF interval: how late rows of a stream
// may come (semantics §10.8).
type Watermark struct {
	Range
	Column *Column
	Delay  *Interval
}

// TimeTravel chooses a table's snapshot. One of its fields is set. The suffix
// t@v5 gives the version 5, and t@yyyyMMddHHmmssSSS a timestamp literal.
type TimeTravel struct {
	Range
	Version   Expr // constant: a number, or a string holding one
	Timestamp Expr // constant
}

// TableFunction is a call that yields a table, such as read_files. Arguments
// passed by name are *NamedArgument.
type TableFunction struct {
	Range
	Name      *Name
	Args      []Expr
	Stream    bool
	Lateral   bool
	Sample    *Sample    // or nil
	Watermark *Watermark // of a stream, or nil
	Alias     *Alias     // or nil
}

// Subquery is a query in a FROM clause.
type Subquery struct {
	Range
	Query   *Query
	Lateral bool
	Sample  *Sample // or nil
	Alias   *Alias  // or nil
}

// StatementTable is a SHOW or DESCRIBE statement in parentheses, whose result is
// a table.
type StatementTable struct {
	Range
	Statement Statement
	Alias     *Alias // or nil
}

// InlineTable is VALUES in a FROM clause.
type InlineTable struct {
	Range
	Values *Values
	Alias  *Alias // or nil
}

// TableGroup is a table reference in parentheses that they matter to: a join,
// or one that has an alias or a sample of its own.
type TableGroup struct {
	Range
	Input  TableRef
	Sample *Sample // or nil
	Alias  *Alias  // or nil
}

// Join joins two table references.
type Join struct {
	Range
	Kind    string // "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "LEFT SEMI" or "LEFT ANTI"
	Natural bool
	Left    TableRef
	Right   TableRef
	On      Expr     // or nil
	Using   []string // or nil
}

// Sample is a TABLESAMPLE clause.
type Sample struct {
	Range
	Kind       string // "PERCENT", "ROWS" or "BUCKET"
	Size       Expr   // percentage or number of rows; the bucket of BUCKET
	Of         Expr   // number of buckets, or nil
	Repeatable Expr   // seed, or nil
}

// Pivot turns values of columns into columns.
type Pivot struct {
	Range
	Input      TableRef
	Aggregates []*SelectItem
	Columns    []*Column
	Values     []*SelectItem // of several columns, each is a *Tuple
	Alias      *Alias        // or nil
}

// Unpivot turns columns into rows. Each group of source columns has as many
// columns as there are value columns.
type Unpivot struct {
	Range
	Input        TableRef
	IncludeNulls bool
	Values       []string
	Name         string
	Groups       []*UnpivotGroup
	Alias        *Alias // or nil
}

// UnpivotGroup is what becomes one row of an UNPIVOT.
type UnpivotGroup struct {
	Range
	Columns []*Column
	Alias   string // "" when there is none
}
