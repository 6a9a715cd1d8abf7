package sql

// AlterTable is ALTER TABLE with its one action, or ALTER STREAMING TABLE or
// MATERIALIZED VIEW, whose action may be a *SetSchedule or *DropSchedule, too.
type AlterTable struct {
	Range
	Kind   string // "" of ALTER TABLE, "STREAMING TABLE" or "MATERIALIZED VIEW"
	Table  *Name
	Action AlterAction
}

// AlterAction is what an [AlterTable] does: *AddColumns, *DropColumns,
// *RenameColumn, *AlterColumns, *ReplaceColumns, *RenameTable, *SetProperties,
// *UnsetProperties, *AddConstraint, *DropConstraint, *SetClustering,
// *DropFeature or *SetLocation.
type AlterAction interface {
	Node
	alterAction()
}

// SetSchedule is ADD or ALTER with a schedule.
type SetSchedule struct {
	Range
	Add      bool // there may be none yet
	Schedule *Schedule
}

// DropSchedule is DROP SCHEDULE.
type DropSchedule struct {
	Range
}

// AddColumns is ADD COLUMNS (…).
type AddColumns struct {
	Range
	Columns []*NewColumn
}

// ReplaceColumns is REPLACE COLUMNS (…).
type ReplaceColumns struct {
	Range
	Columns []*NewColumn
}

// NewColumn is a column, or a field of a struct, that a table gets.
type NewColumn struct {
	Range
	Within []string // the struct of a nested field, from the table's column down; nil for a column
	Def    *ColumnDef
	Place  *Place // or nil: last
}

// Place is FIRST or AFTER a sibling: a column, or a field of the same struct.
type Place struct {
	Range
	After string // "" is FIRST
}

// DropColumns is DROP COLUMN[S] [IF EXISTS].
type DropColumns struct {
	Range
	IfExists bool
	Columns  []*Column
}

// RenameColumn is RENAME COLUMN a.b TO c.
type RenameColumn struct {
	Range
	Column *Column
	To     string
}

// AlterColumns is ALTER COLUMN with its changes, each of one column. Hive's
// CHANGE COLUMN a a INT COMMENT 'x' FIRST is three of them.
type AlterColumns struct {
	Range
	Changes []*ColumnChange
}

// ColumnChange is one change of one column or nested field.
type ColumnChange struct {
	Range
	Column  *Column
	Kind    ColumnChangeKind
	Type    *TypeName // of ChangeType
	Default Expr      // of SetDefault
	Comment string    // of SetComment
	Place   *Place    // of MoveColumn
}

// ColumnChangeKind says what of a column changes.
type ColumnChangeKind int

// The kinds of change.
const (
	ChangeType   ColumnChangeKind = iota // TYPE t
	SetNotNull                           // SET NOT NULL
	DropNotNull                          // DROP NOT NULL
	SetDefault                           // SET DEFAULT e
	DropDefault                          // DROP DEFAULT
	SetComment                           // COMMENT 'x'
	MoveColumn                           // FIRST, AFTER x
	SyncIdentity                         // SYNC IDENTITY
)

// RenameTable is RENAME TO.
type RenameTable struct {
	Range
	To *Name
}

// SetProperties is SET TBLPROPERTIES.
type SetProperties struct {
	Range
	Properties []*Property
}

// UnsetProperties is UNSET TBLPROPERTIES [IF EXISTS].
type UnsetProperties struct {
	Range
	IfExists bool
	Keys     []string
}

// AddConstraint is ADD CONSTRAINT.
type AddConstraint struct {
	Range
	Constraint *Constraint
}

// DropConstraint is DROP CONSTRAINT [IF EXISTS].
type DropConstraint struct {
	Range
	IfExists bool
	Name     string
}

// SetClustering is CLUSTER BY. Without Columns and Auto it is CLUSTER BY NONE.
type SetClustering struct {
	Range
	Columns []*Column
	Auto    bool
}

// DropFeature is DROP FEATURE.
type DropFeature struct {
	Range
	Feature         string
	TruncateHistory bool
}

// SetLocation is SET LOCATION.
type SetLocation struct {
	Range
	Location string
}
