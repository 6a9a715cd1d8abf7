package sql

func (w *writer) statement(n Statement) {
	switch n := n.(type) {
	case *CreateSchema:
		w.put("CREATE SCHEMA ")
		w.when(n.IfNotExists, "IF NOT EXISTS ")
		w.name(n.Name)
		w.text(" COMMENT ", n.Comment)
		w.text(" LOCATION ", n.Location)
		clause(w, " WITH DBPROPERTIES (", n.Properties, ")")
	case *DropSchema:
		w.put("DROP SCHEMA ")
		w.when(n.IfExists, "IF EXISTS ")
		w.name(n.Name)
		w.when(n.Cascade, " CASCADE")
	case *CreateTable:
		w.createTable(n)
	case *CreateStreamingTable:
		w.put("CREATE ")
		w.when(n.OrRefresh, "OR REFRESH ")
		w.when(n.Private, "PRIVATE ")
		w.put("STREAMING TABLE ")
		w.dataset(&n.Dataset)
	case *CreateMaterializedView:
		w.put("CREATE ")
		w.when(n.OrReplace, "OR REPLACE ")
		w.when(n.OrRefresh, "OR REFRESH ")
		w.when(n.Private, "PRIVATE ")
		w.put("MATERIALIZED VIEW ")
		w.dataset(&n.Dataset)
	case *CreateView:
		w.createView(n)
	case *DropTable:
		w.put("DROP ")
		w.when(n.Materialized, "MATERIALIZED ")
		w.when(n.Streaming, "STREAMING ")
		w.when(n.View, "VIEW ")
		w.when(!n.View, "TABLE ")
		w.when(n.IfExists, "IF EXISTS ")
		w.name(n.Name)
		w.when(n.Purge, " PURGE")
	case *Refresh:
		w.put("REFRESH ", n.Kind, " ")
		w.name(n.Name)
		w.when(n.Full, " FULL")
		w.when(n.Async, " ASYNC")
	case *Use:
		w.put("USE ")
		w.when(n.Kind != "", n.Kind, " ")
		w.name(n.Name)
	case *Set:
		w.put("SET")
		w.when(n.Key != "", " ", backticks(n.Key))
		w.when(n.HasValue, " = ", quoteString(n.Value))
	case *Reset:
		w.put("RESET")
		w.when(n.Key != "", " ", backticks(n.Key))
	case *Explain:
		w.put("EXPLAIN ")
		w.when(n.Mode != "", n.Mode, " ")
		w.node(n.Statement)
	case *Show:
		w.show(n)
	case *Describe:
		w.describe(n)
	default:
		w.change(n)
	}
}

// text writes a string literal after a heading, unless it is empty.
func (w *writer) text(heading, s string) {
	w.when(s != "", heading, quoteString(s))
}

// change writes the statements that change a table's rows.
func (w *writer) change(n Statement) {
	switch n := n.(type) {
	case *Insert:
		w.insert(n)
	case *CopyInto:
		w.copyInto(n)
	case *Merge:
		w.merge(n)
	case *Update:
		w.with(n.With)
		w.put("UPDATE ")
		w.name(n.Table)
		w.when(n.Alias != "", " AS ", quoteName(n.Alias))
		clause(w, " SET ", n.Set, "")
		w.optional(" WHERE ", n.Where)
	case *Delete:
		w.with(n.With)
		w.put("DELETE FROM ")
		w.name(n.Table)
		w.when(n.Alias != "", " AS ", quoteName(n.Alias))
		w.optional(" WHERE ", n.Where)
	case *Truncate:
		w.put("TRUNCATE TABLE ")
		w.name(n.Table)
		clause(w, " PARTITION (", n.Partition, ")")
	default:
		w.maintenance(n)
	}
}

// with writes the common tables before a statement, if there are any.
func (w *writer) with(n *With) {
	if n != nil {
		w.node(n)
		w.put(" ")
	}
}

func (w *writer) createTable(n *CreateTable) {
	w.put("CREATE ")
	w.when(n.OrReplace, "OR REPLACE ")
	w.when(n.External, "EXTERNAL ")
	w.put("TABLE ")
	w.when(n.IfNotExists, "IF NOT EXISTS ")
	w.name(n.Name)
	if n.Clone != nil {
		w.put(" ")
		w.node(n.Clone)
	}
	w.columns(n.Columns, n.Constraints)
	w.options(&n.TableOptions)
	if n.Query != nil {
		w.put(" AS ")
		w.query(n.Query)
	}
}

func (w *writer) dataset(n *Dataset) {
	w.when(n.IfNotExists, "IF NOT EXISTS ")
	w.name(n.Name)
	w.columns(n.Columns, n.Constraints)
	w.options(&n.TableOptions)
	if n.Schedule != nil {
		w.put(" ")
		w.node(n.Schedule)
	}
	if n.Query != nil {
		w.put(" AS ")
		w.query(n.Query)
	}
	if n.Flow != nil {
		w.flowClause(n.Flow)
	}
}

func (w *writer) createView(n *CreateView) {
	w.put("CREATE ")
	w.when(n.OrReplace, "OR REPLACE ")
	w.when(n.Temporary, "TEMPORARY ")
	w.put("VIEW ")
	w.when(n.IfNotExists, "IF NOT EXISTS ")
	w.name(n.Name)
	w.columns(n.Columns, n.Constraints)
	w.text(" COMMENT ", n.Comment)
	clause(w, " TBLPROPERTIES (", n.Properties, ")")
	w.put(" AS ")
	w.query(n.Query)
}

func (w *writer) columns(columns []*ColumnDef, constraints []*Constraint) {
	if len(columns)+len(constraints) == 0 {
		return
	}
	w.put(" (")
	list(w, columns)
	w.when(len(columns) > 0 && len(constraints) > 0, ", ")
	list(w, constraints)
	w.put(")")
}

func (w *writer) options(o *TableOptions) {
	w.when(o.Using != "", " USING ", quoteName(o.Using))
	clause(w, " PARTITIONED BY (", o.PartitionedBy, ")")
	clause(w, " CLUSTER BY (", o.ClusterBy, ")")
	w.when(o.ClusterByAuto, " CLUSTER BY AUTO")
	clause(w, " OPTIONS (", o.Options, ")")
	clause(w, " TBLPROPERTIES (", o.Properties, ")")
	w.text(" COMMENT ", o.Comment)
	w.text(" LOCATION ", o.Location)
}

// definition writes the parts of statements that define and change tables.
func (w *writer) definition(n Node) {
	switch n := n.(type) {
	case *ColumnDef:
		w.columnDef(n)
	case *Identity:
		w.identity(n)
	case *Constraint:
		w.constraint(n)
	case *Schedule:
		w.schedule(n)
	case *PartitionValue:
		w.put(quoteName(n.Name))
		w.optional(" = ", n.Value)
	case *Credential:
		w.put("CREDENTIAL ")
		w.when(n.Name != "", quoteName(n.Name))
		clause(w, "(", n.Options, ")")
	case *Validate:
		if n.Rows == 0 {
			w.put("VALIDATE ALL")
		} else {
			w.put("VALIDATE ", formatInt(n.Rows), " ROWS")
		}
	case *MergeClause:
		w.mergeClause(n)
	case *Assignment:
		w.expr(n.Column)
		w.put(" = ")
		w.expr(n.Value)
	default:
		w.alteration(n)
	}
}

func (w *writer) columnDef(n *ColumnDef) {
	w.put(quoteName(n.Name))
	w.when(n.Type != nil, " ")
	if n.Type != nil {
		w.node(n.Type)
	}
	w.when(n.NotNull, " NOT NULL")
	w.optional(" DEFAULT ", n.Default)
	if n.Generated != nil {
		w.put(" GENERATED ALWAYS AS (")
		w.expr(n.Generated)
		w.put(")")
	}
	if n.Identity != nil {
		w.put(" ")
		w.identity(n.Identity)
	}
	w.text(" COMMENT ", n.Comment)
}

func (w *writer) identity(n *Identity) {
	w.put("GENERATED ")
	w.when(n.Always, "ALWAYS")
	w.when(!n.Always, "BY DEFAULT")
	w.put(" AS IDENTITY")
	if n.Start == nil && n.Increment == nil {
		return
	}
	w.put(" (")
	w.optional("START WITH ", n.Start)
	w.when(n.Start != nil && n.Increment != nil, " ")
	w.optional("INCREMENT BY ", n.Increment)
	w.put(")")
}

func (w *writer) constraint(n *Constraint) {
	w.when(n.Name != "", "CONSTRAINT ", quoteName(n.Name), " ")
	w.put(n.Kind)
	if n.Check != nil {
		w.put(" (")
		w.expr(n.Check)
		w.put(")")
	}
	w.when(n.OnViolate != "", " ON VIOLATION ", n.OnViolate)
	w.names(" (", n.Columns, ")")
	if n.References != nil {
		w.put(" REFERENCES ")
		w.name(n.References)
		w.names(" (", n.ToColumns, ")")
	}
}

func (w *writer) schedule(n *Schedule) {
	switch {
	case n.OnUpdate:
		w.put("TRIGGER ON UPDATE")
		if n.AtMost != nil {
			w.put(" AT MOST EVERY ")
			w.expr(n.AtMost)
		}
	case n.Every != nil:
		w.put("SCHEDULE EVERY ")
		w.expr(n.Every)
		w.put(" ", n.Unit)
	default:
		w.put("SCHEDULE CRON ", quoteString(n.Cron))
		w.text(" AT TIME ZONE ", n.TimeZone)
	}
}

func (w *writer) show(n *Show) {
	w.put("SHOW ", n.Kind)
	if n.In != nil {
		w.put(showWord(n.Kind))
		w.name(n.In)
	}
	w.text(" LIKE ", n.Like)
	w.when(n.Key != "", " (", quoteString(n.Key), ")")
}

// showWord returns what stands between the kind of a SHOW and its object.
func showWord(kind string) string {
	switch kind {
	case "CREATE TABLE", "TBLPROPERTIES", "PARTITIONS":
		return " "
	default:
		return " IN "
	}
}

func (w *writer) describe(n *Describe) {
	w.put("DESCRIBE ", n.Kind)
	w.when(n.Extended, " EXTENDED")
	w.put(" ")
	switch {
	case n.Query != nil:
		w.query(n.Query)
	case n.Name != nil:
		w.name(n.Name)
	}
	if n.Column != nil {
		w.put(" ")
		w.expr(n.Column)
	}
	w.optional(" LIMIT ", n.Limit)
}
