package sql

// CreateSchema is CREATE SCHEMA.
type CreateSchema struct {
	Range
	Name        *Name
	IfNotExists bool
	Comment     string
	Location    string
	Properties  []*Property
}

// DropSchema is DROP SCHEMA.
type DropSchema struct {
	Range
	Name     *Name
	IfExists bool
	Cascade  bool
}

// CreateTable is CREATE TABLE and CREATE OR REPLACE TABLE. It has Columns, or
// a Query, or a Clone, or none of them, which declares a table without columns.
type CreateTable struct {
	Range
	Name        *Name
	OrReplace   bool
	IfNotExists bool
	External    bool
	Columns     []*ColumnDef
	Constraints []*Constraint
	Clone       *Clone // or nil
	TableOptions
	Query *Query // or nil
}

// TableOptions are the clauses after a table's columns.
type TableOptions struct {
	Using         string       // the format as written, "" when there is none
	PartitionedBy []*ColumnDef // a column named alone has no type
	ClusterBy     []*Column
	ClusterByAuto bool // CLUSTER BY AUTO
	Properties    []*Property
	Options       []*Property
	Comment       string
	Location      string
}

// ColumnDef is one column of a table's definition.
type ColumnDef struct {
	Range
	Name      string
	Type      *TypeName // nil where only names are listed
	NotNull   bool
	Default   Expr      // or nil
	Generated Expr      // of GENERATED ALWAYS AS (…), or nil
	Identity  *Identity // or nil
	Comment   string
}

// Identity is GENERATED … AS IDENTITY.
type Identity struct {
	Range
	Always    bool // else BY DEFAULT
	Start     Expr // or nil: 1
	Increment Expr // or nil: 1
}

// Constraint is a table constraint, or an expectation of a streaming table.
type Constraint struct {
	Range
	Name       string
	Kind       string // "CHECK", "EXPECT", "PRIMARY KEY" or "FOREIGN KEY"
	Check      Expr   // of CHECK and EXPECT
	OnViolate  string // of EXPECT: "", "FAIL UPDATE" or "DROP ROW"
	Columns    []string
	References *Name    // of FOREIGN KEY
	ToColumns  []string // of FOREIGN KEY
}

// CreateView is CREATE VIEW.
type CreateView struct {
	Range
	Name        *Name
	OrReplace   bool
	Temporary   bool
	IfNotExists bool
	Columns     []*ColumnDef // names and comments
	Constraints []*Constraint
	Comment     string
	Properties  []*Property
	Query       *Query
}

// CreateStreamingTable is CREATE [OR REFRESH] STREAMING TABLE.
type CreateStreamingTable struct {
	Range
	OrRefresh bool
	Dataset
}

// CreateMaterializedView is CREATE [OR REPLACE | OR REFRESH] MATERIALIZED VIEW.
type CreateMaterializedView struct {
	Range
	OrReplace bool
	OrRefresh bool
	Dataset
}

// Dataset is what defines a streaming table or a materialized view.
type Dataset struct {
	Name        *Name
	Private     bool // for its pipeline alone
	IfNotExists bool
	Columns     []*ColumnDef
	Constraints []*Constraint
	TableOptions
	Schedule *Schedule // or nil
	Query    *Query    // or nil; never of a materialized view
	// Flow is the clause FLOW of a streaming table without a query, or nil; its
	// target is the table.
	Flow *CreateFlow
}

// Schedule says when a table is refreshed. One of Every, Cron and OnUpdate is
// set.
type Schedule struct {
	Range
	Every    Expr   // count of Unit, or nil
	Unit     string // "HOUR", "DAY" or "WEEK"
	Cron     string // Quartz syntax
	TimeZone string
	OnUpdate bool
	AtMost   *Interval // of OnUpdate, or nil
}

// Refresh is REFRESH [STREAMING] TABLE and REFRESH MATERIALIZED VIEW.
type Refresh struct {
	Range
	Kind  string // "TABLE", "STREAMING TABLE" or "MATERIALIZED VIEW"
	Name  *Name
	Full  bool
	Async bool
}

// DropTable is DROP TABLE, DROP VIEW and DROP MATERIALIZED VIEW.
type DropTable struct {
	Range
	Name         *Name
	View         bool
	Materialized bool // of a View
	Streaming    bool // of a table
	IfExists     bool
	Purge        bool
}

// Insert is INSERT INTO and INSERT OVERWRITE.
type Insert struct {
	Range
	Table           *Name
	Alias           string // of REPLACE ON
	Overwrite       bool
	SchemaEvolution bool // INSERT WITH SCHEMA EVOLUTION
	ByName          bool
	Columns         []string
	Partition       []*PartitionValue
	ReplaceWhere    Expr     // of INSERT INTO t REPLACE WHERE …, or nil
	ReplaceUsing    []string // of INSERT INTO t REPLACE USING (…)
	ReplaceOn       Expr     // of INSERT INTO t REPLACE ON …, or nil
	Query           *Query   // VALUES is a query whose body is *Values
	SourceAlias     string   // of REPLACE ON: the query's
}

// PartitionValue is one column of a PARTITION clause.
type PartitionValue struct {
	Range
	Name  string
	Value Expr // nil: taken from the query
}

// CopyInto is COPY INTO; semantics §7.1.
type CopyInto struct {
	Range
	Target           *Name
	TargetCredential *Credential // or nil
	ByPosition       bool
	Columns          []string
	Source           string        // the URI
	Credential       *Credential   // or nil
	Encryption       []*Property   // or nil
	Items            []*SelectItem // of FROM (SELECT …), else nil
	SourceAlias      string        // of FROM (SELECT … FROM 'uri' alias)
	Where            Expr          // of FROM (SELECT …), or nil
	Format           string        // upper case: "CSV"
	Validate         *Validate     // or nil
	Files            []string
	Pattern          string
	FormatOptions    []*Property
	CopyOptions      []*Property
}

// Credential is a credential by name or by its parts.
type Credential struct {
	Range
	Name    string
	Options []*Property
}

// Validate is COPY INTO's VALIDATE clause. Rows is 0 for all.
type Validate struct {
	Range
	Rows int64
}

// Merge is MERGE INTO; semantics §14.1.
type Merge struct {
	Range
	With            *With // or nil
	Target          *Name
	Alias           string
	SchemaEvolution bool
	Source          TableRef
	On              Expr
	Clauses         []*MergeClause
}

// MergeClause is one WHEN of a [Merge].
type MergeClause struct {
	Range
	Kind    string // "MATCHED", "NOT MATCHED" or "NOT MATCHED BY SOURCE"
	Cond    Expr   // or nil
	Action  string // "DELETE", "UPDATE" or "INSERT"
	All     bool   // UPDATE SET *, INSERT *
	Set     []*Assignment
	Columns []*Column // of INSERT; nil is the target's
	Values  []Expr    // of INSERT, where DEFAULT may stand; see [IsDefault]
}

// Assignment is column = value. A value of DEFAULT is the column's default; see
// [IsDefault].
type Assignment struct {
	Range
	Column *Column
	Value  Expr
}

// Update is UPDATE.
type Update struct {
	Range
	With  *With // or nil
	Table *Name
	Alias string
	Set   []*Assignment
	Where Expr // or nil
}

// Delete is DELETE FROM.
type Delete struct {
	Range
	With  *With // or nil
	Table *Name
	Alias string
	Where Expr // or nil
}

// Truncate is TRUNCATE TABLE.
type Truncate struct {
	Range
	Table     *Name
	Partition []*PartitionValue
}

// Show is a SHOW statement.
type Show struct {
	Range
	Kind string // "CATALOGS", "SCHEMAS", "TABLES", "VIEWS", "COLUMNS", "FUNCTIONS", "CREATE TABLE", "TBLPROPERTIES" or "PARTITIONS"
	In   *Name  // the schema, catalog or table it is about, or nil
	Like string // pattern, "" when there is none
	Key  string // of SHOW TBLPROPERTIES t ('key')
}

// Describe is a DESCRIBE statement.
type Describe struct {
	Range
	Kind     string // "TABLE", "DETAIL", "HISTORY", "SCHEMA", "QUERY", "FUNCTION" or "CATALOG"
	Extended bool
	Name     *Name   // nil for QUERY
	Column   *Column // of DESCRIBE TABLE t column, or nil
	Query    *Query  // of QUERY
	Limit    Expr    // of HISTORY, or nil
}

// Use is USE.
type Use struct {
	Range
	Kind string // "", "CATALOG" or "SCHEMA"
	Name *Name
}

// Set is SET key = value, SET key, and SET alone, which shows every setting.
type Set struct {
	Range
	Key      string
	Value    string
	HasValue bool
}

// Reset is RESET [key].
type Reset struct {
	Range
	Key string
}

// Explain is EXPLAIN.
type Explain struct {
	Range
	Mode      string // "", "EXTENDED", "FORMATTED", "COST" or "CODEGEN"
	Statement Statement
}
