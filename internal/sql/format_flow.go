package sql

// flow writes the statements about flows, and their parts.
func (w *writer) flow(n Node) {
	switch n := n.(type) {
	case *CreateFlow:
		if n.Name != nil {
			w.put("CREATE FLOW ")
			w.name(n.Name)
			w.text(" COMMENT ", n.Comment)
			w.put(" AS ")
			w.when(n.CDC != nil, "AUTO CDC ")
		} else {
			w.put("APPLY CHANGES ")
		}
		if n.CDC == nil {
			w.flowInsert(n)
			return
		}
		w.when(n.Once, "ONCE ")
		w.autoCDC(n.CDC)
	case *DropFlow:
		w.put("DROP FLOW ")
		w.when(n.IfExists, "IF EXISTS ")
		w.name(n.Name)
	case *AutoCDC:
		w.put("AUTO CDC ")
		w.autoCDC(n)
	case *ColumnSet:
		w.columnSet(n)
	}
}

// flowInsert writes INSERT [ONCE] INTO table BY NAME query.
func (w *writer) flowInsert(n *CreateFlow) {
	if !n.Once {
		w.insert(n.Insert)
		return
	}
	w.put("INSERT ONCE INTO ")
	w.name(n.Insert.Table)
	w.put(" BY NAME ")
	w.query(n.Insert.Query)
}

// flowClause writes the clause FLOW of CREATE STREAMING TABLE.
func (w *writer) flowClause(n *CreateFlow) {
	w.put(" FLOW ")
	if n.CDC == nil {
		w.put("INSERT ONCE BY NAME ")
		w.query(n.Insert.Query)
		return
	}
	w.put("AUTO CDC ")
	w.when(n.Once, "ONCE ")
	w.changes(n.CDC)
}

func (w *writer) autoCDC(n *AutoCDC) {
	w.put("INTO ")
	w.name(n.Target)
	w.put(" ")
	w.changes(n)
}

// changes writes what follows the target of AUTO CDC.
func (w *writer) changes(n *AutoCDC) {
	w.put("FROM ")
	w.when(n.Snapshot, "SNAPSHOT ")
	w.node(n.Source)
	clause(w, " KEYS (", n.Keys, ")")
	if n.IgnoreNulls != nil {
		w.put(" IGNORE NULL UPDATES")
		if !n.IgnoreNulls.Except || len(n.IgnoreNulls.Columns) > 0 {
			w.put(" ON ")
			w.columnSet(n.IgnoreNulls)
		}
	}
	w.optional(" APPLY AS DELETE WHEN ", n.Delete)
	w.optional(" APPLY AS TRUNCATE WHEN ", n.Truncate)
	w.optional(" SEQUENCE BY ", n.Sequence)
	if n.Columns != nil {
		w.put(" COLUMNS ")
		w.columnSet(n.Columns)
	}
	w.when(n.History, " STORED AS SCD TYPE 2")
	if n.Tracked != nil {
		w.put(" TRACK HISTORY ON ")
		w.columnSet(n.Tracked)
	}
}

func (w *writer) columnSet(n *ColumnSet) {
	if n.Except {
		w.put("*")
		clause(w, " EXCEPT (", n.Columns, ")")
		return
	}
	w.put("(")
	list(w, n.Columns)
	w.put(")")
}
