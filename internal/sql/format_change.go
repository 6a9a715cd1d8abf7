package sql

func (w *writer) insert(n *Insert) {
	query := *n.Query
	w.with(query.With)
	query.With = nil
	w.put("INSERT ")
	w.when(n.SchemaEvolution, "WITH SCHEMA EVOLUTION ")
	w.when(n.Overwrite, "OVERWRITE TABLE ")
	w.when(!n.Overwrite, "INTO TABLE ")
	w.name(n.Table)
	w.when(n.Alias != "", " AS ", quoteName(n.Alias))
	clause(w, " PARTITION (", n.Partition, ")")
	w.when(n.ByName, " BY NAME")
	w.names(" (", n.Columns, ")")
	w.optional(" REPLACE WHERE ", n.ReplaceWhere)
	w.names(" REPLACE USING (", n.ReplaceUsing, ")")
	if n.ReplaceOn == nil {
		w.put(" ")
		w.query(&query)
		return
	}
	w.put(" REPLACE ON ")
	w.expr(n.ReplaceOn)
	w.put(" (")
	w.query(&query)
	w.put(")")
	w.when(n.SourceAlias != "", " AS ", quoteName(n.SourceAlias))
}

func (w *writer) copyInto(n *CopyInto) {
	w.put("COPY INTO ")
	w.name(n.Target)
	if n.TargetCredential != nil {
		w.put(" WITH (")
		w.node(n.TargetCredential)
		w.put(")")
	}
	w.when(n.ByPosition, " BY POSITION")
	w.names(" (", n.Columns, ")")
	w.put(" FROM ")
	if n.Items != nil {
		clause(w, "(SELECT ", n.Items, " FROM ")
	}
	w.source(n)
	if n.Items != nil {
		w.when(n.SourceAlias != "", " AS ", quoteName(n.SourceAlias))
		w.optional(" WHERE ", n.Where)
		w.put(")")
	}
	w.put(" FILEFORMAT = ", n.Format)
	if n.Validate != nil {
		w.put(" ")
		w.node(n.Validate)
	}
	for i, f := range n.Files {
		w.when(i == 0, " FILES = (")
		w.when(i > 0, ", ")
		w.put(quoteString(f))
		w.when(i == len(n.Files)-1, ")")
	}
	w.text(" PATTERN = ", n.Pattern)
	clause(w, " FORMAT_OPTIONS (", n.FormatOptions, ")")
	clause(w, " COPY_OPTIONS (", n.CopyOptions, ")")
}

// source writes the source of a COPY INTO with its credentials.
func (w *writer) source(n *CopyInto) {
	w.put(quoteString(n.Source))
	if n.Credential == nil && n.Encryption == nil {
		return
	}
	w.put(" WITH (")
	if n.Credential != nil {
		w.node(n.Credential)
		w.when(n.Encryption != nil, " ")
	}
	clause(w, "ENCRYPTION (", n.Encryption, ")")
	w.put(")")
}

func (w *writer) merge(n *Merge) {
	w.with(n.With)
	w.put("MERGE ")
	w.when(n.SchemaEvolution, "WITH SCHEMA EVOLUTION ")
	w.put("INTO ")
	w.name(n.Target)
	w.when(n.Alias != "", " AS ", quoteName(n.Alias))
	w.put(" USING ")
	w.table(n.Source)
	w.put(" ON ")
	w.expr(n.On)
	for _, c := range n.Clauses {
		w.put(" ")
		w.mergeClause(c)
	}
}

func (w *writer) mergeClause(n *MergeClause) {
	w.put("WHEN ", n.Kind)
	w.optional(" AND ", n.Cond)
	w.put(" THEN ", n.Action)
	switch {
	case n.All && n.Action == "UPDATE":
		w.put(" SET *")
	case n.All:
		w.put(" *")
	}
	clause(w, " SET ", n.Set, "")
	clause(w, " (", n.Columns, ")")
	clause(w, " VALUES (", n.Values, ")")
}
