package sql

import (
	"cmp"
	"strconv"
)

// maintenance writes the statements that change a table's definition or its
// files.
func (w *writer) maintenance(n Statement) {
	switch n := n.(type) {
	case *AlterTable:
		w.put("ALTER ", cmp.Or(n.Kind, "TABLE"), " ")
		w.name(n.Table)
		w.put(" ")
		w.node(n.Action)
	case *CommentOn:
		w.put("COMMENT ON ", n.Kind, " ")
		w.name(n.Name)
		w.when(n.Column != "", ".", quoteName(n.Column))
		w.put(" IS ", quoteString(n.Comment))
	case *Optimize:
		w.put("OPTIMIZE ")
		w.name(n.Table)
		w.when(n.Full, " FULL")
		w.optional(" WHERE ", n.Where)
		clause(w, " ZORDER BY (", n.ZOrderBy, ")")
	case *Reorg:
		w.put("REORG TABLE ")
		w.name(n.Table)
		w.optional(" WHERE ", n.Where)
		w.put(" APPLY (PURGE)")
	case *Vacuum:
		w.put("VACUUM ")
		w.name(n.Table)
		w.when(n.Mode != "", " ", n.Mode)
		if n.Retain != nil {
			w.put(" RETAIN ", strconv.FormatFloat(*n.Retain, 'f', -1, 64), " HOURS")
		}
		w.when(n.DryRun, " DRY RUN")
	case *Restore:
		w.put("RESTORE TABLE ")
		w.name(n.Table)
		w.put(" TO ")
		w.timeTravel(n.To)
	case *Convert:
		w.put("CONVERT TO DELTA ")
		w.name(n.Source)
		w.when(n.NoStatistics, " NO STATISTICS")
		clause(w, " PARTITIONED BY (", n.PartitionedBy, ")")
	case *EditFiles:
		w.editFiles(n)
	case *RepairRescued:
		w.put("REPAIR TABLE ")
		w.name(n.Table)
		w.put(" RESCUED DATA")
		clause(w, " COLUMNS (", n.Columns, ")")
		clause(w, " OPTIONS (", n.Options, ")")
		w.when(n.DryRun, " DRY RUN")
	default:
		w.flow(n)
	}
}

func (w *writer) editFiles(n *EditFiles) {
	w.put("ALTER STREAMING TABLE ")
	w.name(n.Table)
	w.put(" ", n.Action, " FILES ")
	w.when(n.Files == nil, "PATTERN = ", quoteString(n.Pattern))
	for i, f := range n.Files {
		w.when(i == 0, "(")
		w.when(i > 0, ", ")
		w.put(quoteString(f))
		w.when(i == len(n.Files)-1, ")")
	}
	w.when(n.Append, " APPEND")
}

// alteration writes the actions of ALTER TABLE and their parts.
func (w *writer) alteration(n Node) {
	switch n := n.(type) {
	case *AddColumns:
		clause(w, "ADD COLUMNS (", n.Columns, ")")
	case *ReplaceColumns:
		clause(w, "REPLACE COLUMNS (", n.Columns, ")")
	case *NewColumn:
		w.when(n.Within != nil, dotted(n.Within), ".")
		w.columnDef(n.Def)
		w.place(n.Place)
	case *Place:
		w.when(n.After == "", "FIRST")
		w.when(n.After != "", "AFTER ", quoteName(n.After))
	case *DropColumns:
		w.put("DROP COLUMNS ")
		w.when(n.IfExists, "IF EXISTS ")
		clause(w, "(", n.Columns, ")")
	case *RenameColumn:
		w.put("RENAME COLUMN ")
		w.expr(n.Column)
		w.put(" TO ", quoteName(n.To))
	case *AlterColumns:
		clause(w, "ALTER COLUMN ", n.Changes, "")
	case *ColumnChange:
		w.columnChange(n)
	case *RenameTable:
		w.put("RENAME TO ")
		w.name(n.To)
	case *SetProperties:
		clause(w, "SET TBLPROPERTIES (", n.Properties, ")")
	case *UnsetProperties:
		w.unset(n)
	case *AddConstraint:
		w.put("ADD ")
		w.constraint(n.Constraint)
	case *DropConstraint:
		w.put("DROP CONSTRAINT ")
		w.when(n.IfExists, "IF EXISTS ")
		w.put(quoteName(n.Name))
	case *SetClustering:
		w.put("CLUSTER BY ")
		clause(w, "(", n.Columns, ")")
		w.when(n.Auto, "AUTO")
		w.when(!n.Auto && n.Columns == nil, "NONE")
	case *SetSchedule:
		w.when(n.Add, "ADD ")
		w.when(!n.Add, "ALTER ")
		w.schedule(n.Schedule)
	case *DropSchedule:
		w.put("DROP SCHEDULE")
	case *DropFeature:
		w.put("DROP FEATURE ", backticks(n.Feature))
		w.when(n.TruncateHistory, " TRUNCATE HISTORY")
	case *SetLocation:
		w.put("SET LOCATION ", quoteString(n.Location))
	case *Clone:
		w.clone(n)
	default:
		w.flow(n)
	}
}

func (w *writer) place(n *Place) {
	if n != nil {
		w.put(" ")
		w.node(n)
	}
}

func (w *writer) columnChange(n *ColumnChange) {
	w.expr(n.Column)
	switch n.Kind {
	case ChangeType:
		w.put(" TYPE ")
		w.node(n.Type)
	case SetNotNull:
		w.put(" SET NOT NULL")
	case DropNotNull:
		w.put(" DROP NOT NULL")
	case SetDefault:
		w.put(" SET DEFAULT ")
		w.expr(n.Default)
	case DropDefault:
		w.put(" DROP DEFAULT")
	case SetComment:
		w.put(" COMMENT ", quoteString(n.Comment))
	case MoveColumn:
		w.place(n.Place)
	case SyncIdentity:
		w.put(" SYNC IDENTITY")
	}
}

func (w *writer) unset(n *UnsetProperties) {
	w.put("UNSET TBLPROPERTIES ")
	w.when(n.IfExists, "IF EXISTS ")
	for i, k := range n.Keys {
		w.when(i == 0, "(")
		w.when(i > 0, ", ")
		w.put(quoteString(k))
	}
	w.put(")")
}

func (w *writer) clone(n *Clone) {
	w.when(n.Shallow, "SHALLOW")
	w.when(!n.Shallow, "DEEP")
	w.put(" CLONE ")
	w.name(n.Source)
	if n.TimeTravel != nil {
		w.put(" ")
		w.timeTravel(n.TimeTravel)
	}
}
