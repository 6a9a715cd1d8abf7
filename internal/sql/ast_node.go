package sql

// The marker methods that seal the interfaces.

func (*CreateSchema) statement()           {}
func (*DropSchema) statement()             {}
func (*CreateTable) statement()            {}
func (*CreateView) statement()             {}
func (*CreateStreamingTable) statement()   {}
func (*Refresh) statement()                {}
func (*DropTable) statement()              {}
func (*Insert) statement()                 {}
func (*CopyInto) statement()               {}
func (*Merge) statement()                  {}
func (*Update) statement()                 {}
func (*Delete) statement()                 {}
func (*Truncate) statement()               {}
func (*AlterTable) statement()             {}
func (*CommentOn) statement()              {}
func (*Optimize) statement()               {}
func (*Reorg) statement()                  {}
func (*Vacuum) statement()                 {}
func (*Restore) statement()                {}
func (*Convert) statement()                {}
func (*EditFiles) statement()              {}
func (*RepairRescued) statement()          {}
func (*Show) statement()                   {}
func (*Describe) statement()               {}
func (*Use) statement()                    {}
func (*Set) statement()                    {}
func (*Reset) statement()                  {}
func (*Explain) statement()                {}
func (*Query) statement()                  {}
func (*CreateMaterializedView) statement() {}

func (*Query) queryBody()        {}
func (*Select) queryBody()       {}
func (*SetOperation) queryBody() {}
func (*Values) queryBody()       {}

func (*Table) tableRef()          {}
func (*TableFunction) tableRef()  {}
func (*Subquery) tableRef()       {}
func (*StatementTable) tableRef() {}
func (*InlineTable) tableRef()    {}
func (*TableGroup) tableRef()     {}
func (*Join) tableRef()           {}
func (*Pivot) tableRef()          {}
func (*Unpivot) tableRef()        {}

func (*Literal) expr()        {}
func (*Interval) expr()       {}
func (*Column) expr()         {}
func (*Star) expr()           {}
func (*Parameter) expr()      {}
func (*Unary) expr()          {}
func (*Binary) expr()         {}
func (*In) expr()             {}
func (*Between) expr()        {}
func (*Like) expr()           {}
func (*Is) expr()             {}
func (*IsDistinct) expr()     {}
func (*Exists) expr()         {}
func (*ScalarSubquery) expr() {}
func (*Case) expr()           {}
func (*Cast) expr()           {}
func (*FunctionCall) expr()   {}
func (*NamedArgument) expr()  {}
func (*Lambda) expr()         {}
func (*Subscript) expr()      {}
func (*Field) expr()          {}
func (*Tuple) expr()          {}
func (*JSONPath) expr()       {}
func (*GroupingSets) expr()   {}

func (*AddColumns) alterAction()      {}
func (*SetSchedule) alterAction()     {}
func (*DropSchedule) alterAction()    {}
func (*ReplaceColumns) alterAction()  {}
func (*DropColumns) alterAction()     {}
func (*RenameColumn) alterAction()    {}
func (*AlterColumns) alterAction()    {}
func (*RenameTable) alterAction()     {}
func (*SetProperties) alterAction()   {}
func (*UnsetProperties) alterAction() {}
func (*AddConstraint) alterAction()   {}
func (*DropConstraint) alterAction()  {}
func (*SetClustering) alterAction()   {}
func (*DropFeature) alterAction()     {}
func (*SetLocation) alterAction()     {}

// String returns the node as Databricks SQL, as [Node] says.

func (n *Name) String() string                   { return format(n) }
func (n *TypeName) String() string               { return format(n) }
func (n *Property) String() string               { return format(n) }
func (n *Query) String() string                  { return format(n) }
func (n *With) String() string                   { return format(n) }
func (n *CommonTable) String() string            { return format(n) }
func (n *Select) String() string                 { return format(n) }
func (n *SelectItem) String() string             { return format(n) }
func (n *GroupBy) String() string                { return format(n) }
func (n *GroupingSets) String() string           { return format(n) }
func (n *LateralView) String() string            { return format(n) }
func (n *NamedWindow) String() string            { return format(n) }
func (n *SetOperation) String() string           { return format(n) }
func (n *Values) String() string                 { return format(n) }
func (n *SortItem) String() string               { return format(n) }
func (n *Alias) String() string                  { return format(n) }
func (n *Table) String() string                  { return format(n) }
func (n *TimeTravel) String() string             { return format(n) }
func (n *Watermark) String() string              { return format(n) }
func (n *DistinctOn) String() string             { return format(n) }
func (n *TableFunction) String() string          { return format(n) }
func (n *Subquery) String() string               { return format(n) }
func (n *InlineTable) String() string            { return format(n) }
func (n *StatementTable) String() string         { return format(n) }
func (n *TableGroup) String() string             { return format(n) }
func (n *Join) String() string                   { return format(n) }
func (n *Sample) String() string                 { return format(n) }
func (n *Pivot) String() string                  { return format(n) }
func (n *Unpivot) String() string                { return format(n) }
func (n *UnpivotGroup) String() string           { return format(n) }
func (n *Literal) String() string                { return format(n) }
func (n *Interval) String() string               { return format(n) }
func (n *IntervalField) String() string          { return format(n) }
func (n *Column) String() string                 { return format(n) }
func (n *Star) String() string                   { return format(n) }
func (n *Parameter) String() string              { return format(n) }
func (n *Unary) String() string                  { return format(n) }
func (n *Binary) String() string                 { return format(n) }
func (n *In) String() string                     { return format(n) }
func (n *Between) String() string                { return format(n) }
func (n *Like) String() string                   { return format(n) }
func (n *Is) String() string                     { return format(n) }
func (n *IsDistinct) String() string             { return format(n) }
func (n *Exists) String() string                 { return format(n) }
func (n *ScalarSubquery) String() string         { return format(n) }
func (n *Case) String() string                   { return format(n) }
func (n *When) String() string                   { return format(n) }
func (n *Cast) String() string                   { return format(n) }
func (n *FunctionCall) String() string           { return format(n) }
func (n *NamedArgument) String() string          { return format(n) }
func (n *Window) String() string                 { return format(n) }
func (n *Frame) String() string                  { return format(n) }
func (n *FrameBound) String() string             { return format(n) }
func (n *Lambda) String() string                 { return format(n) }
func (n *Subscript) String() string              { return format(n) }
func (n *Field) String() string                  { return format(n) }
func (n *Tuple) String() string                  { return format(n) }
func (n *JSONPath) String() string               { return format(n) }
func (n *CreateSchema) String() string           { return format(n) }
func (n *DropSchema) String() string             { return format(n) }
func (n *CreateTable) String() string            { return format(n) }
func (n *ColumnDef) String() string              { return format(n) }
func (n *Identity) String() string               { return format(n) }
func (n *Constraint) String() string             { return format(n) }
func (n *CreateView) String() string             { return format(n) }
func (n *CreateStreamingTable) String() string   { return format(n) }
func (n *Schedule) String() string               { return format(n) }
func (n *Refresh) String() string                { return format(n) }
func (n *DropTable) String() string              { return format(n) }
func (n *Insert) String() string                 { return format(n) }
func (n *PartitionValue) String() string         { return format(n) }
func (n *CopyInto) String() string               { return format(n) }
func (n *Credential) String() string             { return format(n) }
func (n *Validate) String() string               { return format(n) }
func (n *Merge) String() string                  { return format(n) }
func (n *MergeClause) String() string            { return format(n) }
func (n *Assignment) String() string             { return format(n) }
func (n *Update) String() string                 { return format(n) }
func (n *Delete) String() string                 { return format(n) }
func (n *Truncate) String() string               { return format(n) }
func (n *Show) String() string                   { return format(n) }
func (n *Describe) String() string               { return format(n) }
func (n *Use) String() string                    { return format(n) }
func (n *Set) String() string                    { return format(n) }
func (n *Reset) String() string                  { return format(n) }
func (n *Explain) String() string                { return format(n) }
func (n *AlterTable) String() string             { return format(n) }
func (n *CommentOn) String() string              { return format(n) }
func (n *Optimize) String() string               { return format(n) }
func (n *Reorg) String() string                  { return format(n) }
func (n *Vacuum) String() string                 { return format(n) }
func (n *Restore) String() string                { return format(n) }
func (n *Convert) String() string                { return format(n) }
func (n *EditFiles) String() string              { return format(n) }
func (n *RepairRescued) String() string          { return format(n) }
func (n *AddColumns) String() string             { return format(n) }
func (n *ReplaceColumns) String() string         { return format(n) }
func (n *DropColumns) String() string            { return format(n) }
func (n *RenameColumn) String() string           { return format(n) }
func (n *AlterColumns) String() string           { return format(n) }
func (n *RenameTable) String() string            { return format(n) }
func (n *SetProperties) String() string          { return format(n) }
func (n *UnsetProperties) String() string        { return format(n) }
func (n *AddConstraint) String() string          { return format(n) }
func (n *DropConstraint) String() string         { return format(n) }
func (n *SetClustering) String() string          { return format(n) }
func (n *DropFeature) String() string            { return format(n) }
func (n *SetLocation) String() string            { return format(n) }
func (n *NewColumn) String() string              { return format(n) }
func (n *Place) String() string                  { return format(n) }
func (n *ColumnChange) String() string           { return format(n) }
func (n *Clone) String() string                  { return format(n) }
func (n *CreateMaterializedView) String() string { return format(n) }
func (n *SetSchedule) String() string            { return format(n) }
func (n *DropSchedule) String() string           { return format(n) }
