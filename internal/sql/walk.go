package sql

// Inspect calls f for n and for the nodes below it for which f returned true
// for their parent, depth first, in the order of the text as the tree has it.
func Inspect(n Node, f func(Node) bool) {
	if f(n) {
		children(n, func(c Node) { Inspect(c, f) })
	}
}

// pointer is the type of a node that is a pointer to a T.
type pointer[T any] interface {
	*T
	Node
}

// one yields n unless it is nil; a nil pointer in a Node is not a nil Node.
func one[T any, P pointer[T]](yield func(Node), n P) {
	if n != nil {
		yield(n)
	}
}

// all yields each of a list of nodes.
func all[N Node](yield func(Node), list []N) {
	for _, n := range list {
		yield(n)
	}
}

// some yields those of the nodes, each held in an interface, that are not nil.
func some(yield func(Node), nodes ...Node) {
	for _, n := range nodes {
		if n != nil {
			yield(n)
		}
	}
}

// children yields the nodes directly below n.
func children(n Node, yield func(Node)) {
	switch n := n.(type) {
	case Expr:
		exprChildren(n, yield)
	case *Query:
		queryChildren(n, yield)
	case QueryBody:
		bodyChildren(n, yield)
	case TableRef:
		tableChildren(n, yield)
	case Statement:
		statementChildren(n, yield)
	default:
		partChildren(n, yield)
	}
}

func queryChildren(n *Query, yield func(Node)) {
	one(yield, n.With)
	yield(n.Body)
	all(yield, n.OrderBy)
	all(yield, n.DistributeBy)
	all(yield, n.SortBy)
	all(yield, n.ClusterBy)
	some(yield, n.Limit, n.Offset)
}

func bodyChildren(n QueryBody, yield func(Node)) {
	switch n := n.(type) {
	case *Select:
		one(yield, n.DistinctOn)
		all(yield, n.Items)
		all(yield, n.From)
		all(yield, n.LateralViews)
		some(yield, n.Where)
		one(yield, n.GroupBy)
		some(yield, n.Having, n.Qualify)
		all(yield, n.Windows)
	case *SetOperation:
		some(yield, n.Left, n.Right)
	case *Values:
		all(yield, n.Rows)
	}
}

func tableChildren(n TableRef, yield func(Node)) {
	switch n := n.(type) {
	case *Table:
		one(yield, n.Name)
		one(yield, n.TimeTravel)
		all(yield, n.Options)
		one(yield, n.Sample)
		one(yield, n.Watermark)
		one(yield, n.Alias)
	case *TableFunction:
		one(yield, n.Name)
		all(yield, n.Args)
		one(yield, n.Sample)
		one(yield, n.Watermark)
		one(yield, n.Alias)
	case *Subquery:
		one(yield, n.Query)
		one(yield, n.Sample)
		one(yield, n.Alias)
	case *StatementTable:
		some(yield, n.Statement)
		one(yield, n.Alias)
	case *InlineTable:
		one(yield, n.Values)
		one(yield, n.Alias)
	case *TableGroup:
		some(yield, n.Input)
		one(yield, n.Sample)
		one(yield, n.Alias)
	case *Join:
		some(yield, n.Left, n.Right, n.On)
	case *Pivot:
		some(yield, n.Input)
		all(yield, n.Aggregates)
		all(yield, n.Columns)
		all(yield, n.Values)
		one(yield, n.Alias)
	case *Unpivot:
		some(yield, n.Input)
		all(yield, n.Groups)
		one(yield, n.Alias)
	}
}

func exprChildren(n Expr, yield func(Node)) {
	switch n := n.(type) {
	case *Interval:
		all(yield, n.Fields)
	case *Star:
		all(yield, n.Except)
	case *Unary:
		some(yield, n.X)
	case *Binary:
		some(yield, n.Left, n.Right)
	case *In:
		some(yield, n.X)
		all(yield, n.List)
		one(yield, n.Query)
	case *Between:
		some(yield, n.X, n.Low, n.High)
	case *Like:
		some(yield, n.X)
		all(yield, n.Patterns)
	case *Is:
		some(yield, n.X)
	case *IsDistinct:
		some(yield, n.Left, n.Right)
	case *Exists:
		one(yield, n.Query)
	case *ScalarSubquery:
		one(yield, n.Query)
	case *Case:
		some(yield, n.Operand)
		all(yield, n.Whens)
		some(yield, n.Else)
	case *Cast:
		some(yield, n.X)
		one(yield, n.Type)
	case *FunctionCall:
		callChildren(n, yield)
	case *NamedArgument:
		some(yield, n.Value)
	case *Lambda:
		some(yield, n.Body)
	case *Subscript:
		some(yield, n.X, n.Index)
	case *Field:
		some(yield, n.X)
	case *Tuple:
		all(yield, n.Items)
	case *JSONPath:
		some(yield, n.X)
	case *GroupingSets:
		all(yield, n.Items)
	}
}

func callChildren(n *FunctionCall, yield func(Node)) {
	one(yield, n.Name)
	all(yield, n.Args)
	all(yield, n.WithinGroup)
	some(yield, n.Filter)
	one(yield, n.Over)
}

func statementChildren(n Statement, yield func(Node)) {
	switch n := n.(type) {
	case *CreateSchema:
		one(yield, n.Name)
		all(yield, n.Properties)
	case *CreateTable:
		one(yield, n.Name)
		one(yield, n.Clone)
		all(yield, n.Columns)
		all(yield, n.Constraints)
		optionChildren(&n.TableOptions, yield)
		one(yield, n.Query)
	case *CreateStreamingTable:
		datasetChildren(&n.Dataset, yield)
	case *CreateMaterializedView:
		datasetChildren(&n.Dataset, yield)
	case *CreateView:
		one(yield, n.Name)
		all(yield, n.Columns)
		all(yield, n.Constraints)
		all(yield, n.Properties)
		one(yield, n.Query)
	case *Explain:
		some(yield, n.Statement)
	case *DropSchema:
		one(yield, n.Name)
	case *DropTable:
		one(yield, n.Name)
	case *Refresh:
		one(yield, n.Name)
	case *Use:
		one(yield, n.Name)
	case *Show:
		one(yield, n.In)
	case *Describe:
		one(yield, n.Name)
		one(yield, n.Column)
		one(yield, n.Query)
		some(yield, n.Limit)
	default:
		changeChildren(n, yield)
	}
}

// changeChildren yields the children of statements that change a table's rows.
func changeChildren(n Statement, yield func(Node)) {
	switch n := n.(type) {
	case *Insert:
		one(yield, n.Table)
		all(yield, n.Partition)
		some(yield, n.ReplaceWhere, n.ReplaceOn)
		one(yield, n.Query)
	case *CopyInto:
		one(yield, n.Target)
		one(yield, n.TargetCredential)
		all(yield, n.Items)
		one(yield, n.Credential)
		all(yield, n.Encryption)
		some(yield, n.Where)
		one(yield, n.Validate)
		all(yield, n.FormatOptions)
		all(yield, n.CopyOptions)
	case *Merge:
		one(yield, n.With)
		one(yield, n.Target)
		some(yield, n.Source, n.On)
		all(yield, n.Clauses)
	case *Update:
		one(yield, n.With)
		one(yield, n.Table)
		all(yield, n.Set)
		some(yield, n.Where)
	case *Delete:
		one(yield, n.With)
		one(yield, n.Table)
		some(yield, n.Where)
	case *Truncate:
		one(yield, n.Table)
		all(yield, n.Partition)
	default:
		maintenanceChildren(n, yield)
	}
}

// maintenanceChildren yields the children of statements that change a table's
// definition or its files.
func maintenanceChildren(n Statement, yield func(Node)) {
	switch n := n.(type) {
	case *AlterTable:
		one(yield, n.Table)
		some(yield, n.Action)
	case *CommentOn:
		one(yield, n.Name)
	case *Optimize:
		one(yield, n.Table)
		some(yield, n.Where)
		all(yield, n.ZOrderBy)
	case *Reorg:
		one(yield, n.Table)
		some(yield, n.Where)
	case *Vacuum:
		one(yield, n.Table)
	case *Restore:
		one(yield, n.Table)
		one(yield, n.To)
	case *Convert:
		one(yield, n.Source)
		all(yield, n.PartitionedBy)
	case *EditFiles:
		one(yield, n.Table)
	case *RepairRescued:
		one(yield, n.Table)
		all(yield, n.Columns)
		all(yield, n.Options)
	default:
		flowChildren(n, yield)
	}
}

func optionChildren(o *TableOptions, yield func(Node)) {
	all(yield, o.PartitionedBy)
	all(yield, o.ClusterBy)
	all(yield, o.Properties)
	all(yield, o.Options)
}

// partChildren yields the children of nodes that are part of one kind of node
// only.
func partChildren(n Node, yield func(Node)) {
	switch n := n.(type) {
	case *Name:
		some(yield, n.Expr)
	case *With:
		all(yield, n.Tables)
	case *CommonTable:
		one(yield, n.Query)
	case *DistinctOn:
		all(yield, n.Keys)
	case *SelectItem:
		some(yield, n.Expr)
	case *GroupBy:
		all(yield, n.Items)
	case *LateralView:
		one(yield, n.Call)
	case *NamedWindow:
		one(yield, n.Spec)
	case *SortItem:
		some(yield, n.Expr)
	case *TimeTravel:
		some(yield, n.Version, n.Timestamp)
	case *Watermark:
		one(yield, n.Column)
		one(yield, n.Delay)
	case *Sample:
		some(yield, n.Size, n.Of, n.Repeatable)
	case *UnpivotGroup:
		all(yield, n.Columns)
	case *IntervalField:
		some(yield, n.Value)
	case *When:
		some(yield, n.Cond, n.Then)
	case *Window:
		all(yield, n.PartitionBy)
		all(yield, n.OrderBy)
		one(yield, n.Frame)
	case *Frame:
		one(yield, n.Start)
		one(yield, n.End)
	case *FrameBound:
		some(yield, n.Offset)
	default:
		definitionChildren(n, yield)
	}
}

// definitionChildren yields the children of the parts of definitions and
// changes of tables.
func definitionChildren(n Node, yield func(Node)) {
	switch n := n.(type) {
	case *ColumnDef:
		one(yield, n.Type)
		some(yield, n.Default, n.Generated)
		one(yield, n.Identity)
	case *Identity:
		some(yield, n.Start, n.Increment)
	case *Constraint:
		some(yield, n.Check)
		one(yield, n.References)
	case *Schedule:
		some(yield, n.Every)
		one(yield, n.AtMost)
	case *PartitionValue:
		some(yield, n.Value)
	case *Credential:
		all(yield, n.Options)
	case *MergeClause:
		some(yield, n.Cond)
		all(yield, n.Set)
		all(yield, n.Columns)
		all(yield, n.Values)
	case *Assignment:
		one(yield, n.Column)
		some(yield, n.Value)
	case *Clone:
		one(yield, n.Source)
		one(yield, n.TimeTravel)
	default:
		alterationChildren(n, yield)
	}
}

func datasetChildren(n *Dataset, yield func(Node)) {
	one(yield, n.Name)
	all(yield, n.Columns)
	all(yield, n.Constraints)
	optionChildren(&n.TableOptions, yield)
	one(yield, n.Schedule)
	one(yield, n.Query)
	one(yield, n.Flow)
}

// alterationChildren yields the children of the actions of ALTER TABLE.
func alterationChildren(n Node, yield func(Node)) {
	switch n := n.(type) {
	case *SetSchedule:
		one(yield, n.Schedule)
	case *AddColumns:
		all(yield, n.Columns)
	case *ReplaceColumns:
		all(yield, n.Columns)
	case *NewColumn:
		one(yield, n.Def)
		one(yield, n.Place)
	case *DropColumns:
		all(yield, n.Columns)
	case *RenameColumn:
		one(yield, n.Column)
	case *AlterColumns:
		all(yield, n.Changes)
	case *ColumnChange:
		one(yield, n.Column)
		one(yield, n.Type)
		some(yield, n.Default)
		one(yield, n.Place)
	case *RenameTable:
		one(yield, n.To)
	case *SetProperties:
		all(yield, n.Properties)
	case *AddConstraint:
		one(yield, n.Constraint)
	case *SetClustering:
		all(yield, n.Columns)
	default:
		flowChildren(n, yield)
	}
}

// flowChildren yields the children of statements about flows.
func flowChildren(n Node, yield func(Node)) {
	switch n := n.(type) {
	case *CreateFlow:
		one(yield, n.Name)
		one(yield, n.Insert)
		one(yield, n.CDC)
	case *DropFlow:
		one(yield, n.Name)
	case *AutoCDC:
		one(yield, n.Target)
		some(yield, n.Source)
		all(yield, n.Keys)
		one(yield, n.IgnoreNulls)
		some(yield, n.Delete, n.Truncate, n.Sequence)
		one(yield, n.Columns)
		one(yield, n.Tracked)
	case *ColumnSet:
		all(yield, n.Columns)
	}
}
