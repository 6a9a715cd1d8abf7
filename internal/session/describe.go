package session

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

func (s *Session) describe(ctx context.Context, stmt *sql.Describe) (*Result, error) {
	switch stmt.Kind {
	case "TABLE":
		return s.describeTable(ctx, stmt)
	case "QUERY":
		rows, err := s.planner.Query(ctx, stmt.Query)
		if err != nil {
			return nil, err
		}
		rows.Close()
		return resultOf(describeColumns(rows.Schema)), nil
	case "DETAIL":
		return s.describeDetail(ctx, stmt)
	case "HISTORY":
		return s.describeHistory(ctx, stmt)
	case "SCHEMA":
		return s.describeSchema(ctx, stmt)
	}
	return nil, errclass.New("UNSUPPORTED_STATEMENT", "0A000", "DESCRIBE %s is not supported.", stmt.Kind)
}

// describeColumns lists columns as DESCRIBE TABLE does.
func describeColumns(s *schema.Struct) *rowset.Table {
	out := rowset.New(schema.Col("col_name", schema.String), schema.Col("data_type", schema.String), schema.Col("comment", schema.String))
	for _, f := range s.Fields {
		var comment any
		if c, ok := f.Metadata["comment"].(string); ok {
			comment = c
		}
		out.Add(f.Name, strings.ToLower(f.Type.String()), comment)
	}
	return out
}

func (s *Session) describeTable(ctx context.Context, stmt *sql.Describe) (*Result, error) {
	if view, err := s.planner.ViewOf(ctx, stmt.Name); err != nil || view != nil {
		if err != nil {
			return nil, err
		}
		columns, err := s.columnsOf(ctx, stmt.Name)
		if err != nil {
			return nil, err
		}
		return resultOf(describeColumns(columns)), nil
	}
	t, snap, err := s.planner.Newest(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.Column != nil {
		one, err := snap.Schema().Select(strings.Join(stmt.Column.Parts, "."))
		if err != nil {
			return nil, errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "%s: %w", t.Name, err)
		}
		return resultOf(describeColumns(one)), nil
	}
	out := describeColumns(snap.Schema())
	if partitions := snap.PartitionColumns(); len(partitions) > 0 {
		out.Add("# Partition Information", "", "")
		out.Add("# col_name", "data_type", "comment")
		parts, err := snap.Schema().Select(partitions...)
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, describeColumns(parts).Rows...)
	}
	if stmt.Extended {
		describeExtended(out, t, snap)
		err = s.describeFlows(ctx, out, t)
	}
	return resultOf(out), err
}

func describeExtended(out *rowset.Table, t *workspace.Table, snap *delta.Snapshot) {
	out.Add("", "", "")
	out.Add("# Detailed Table Information", "", "")
	kind := "EXTERNAL"
	if t.Entry != nil {
		out.Add("Catalog", t.Entry.Catalog, "")
		out.Add("Database", t.Entry.Schema, "")
		out.Add("Table", t.Entry.Table, "")
		out.Add("Created Time", t.Entry.CreatedAt.Format(time.UnixDate), "")
		if t.Entry.Managed {
			kind = "MANAGED"
		}
		if t.Entry.Text != "" {
			kind = string(t.Entry.Kind)
		}
	}
	out.Add("Type", kind, "")
	if d := snap.Metadata().Description; d != "" {
		out.Add("Comment", d, "")
	}
	if t.Entry != nil && t.Entry.Text != "" {
		describeDefinition(out, t.Entry.Text)
	}
	out.Add("Location", t.Location, "")
	out.Add("Provider", "delta", "")
	props := shownProperties(snap)
	pairs := make([]string, 0, len(props))
	for _, k := range sortedKeys(props) {
		pairs = append(pairs, k+"="+props[k])
	}
	out.Add("Table Properties", "["+strings.Join(pairs, ",")+"]", "")
}

// describeDefinition shows the query of a streaming table or materialized view,
// and when it is refreshed.
func describeDefinition(out *rowset.Table, text string) {
	def, err := dataset.Parse(text)
	if err != nil {
		out.Add("View Text", text, "")
		return
	}
	if def.Query != nil {
		out.Add("View Text", def.Query.String(), "")
	}
	schedule := "MANUAL"
	if def.Schedule != nil {
		schedule = def.Schedule.String()
	}
	out.Add("Refresh Schedule", schedule, "")
}

// describeFlows shows the flows into a table without query.
func (s *Session) describeFlows(ctx context.Context, out *rowset.Table, t *workspace.Table) error {
	if t.Entry == nil {
		return nil
	}
	flows, err := s.ws.Catalog.Flows(ctx, t.Entry.Name)
	for _, f := range flows {
		out.Add("Flow", f.Name.Plain(), f.Text)
	}
	return err
}

// shownProperties are a table's properties with its protocol, as Delta shows
// them.
func shownProperties(snap *delta.Snapshot) map[string]string {
	p := snap.Protocol()
	out := map[string]string{
		"delta.minReaderVersion": strconv.Itoa(p.MinReader),
		"delta.minWriterVersion": strconv.Itoa(p.MinWriter),
	}
	for _, f := range slices.Concat(p.ReaderFeatures, p.WriterFeatures) {
		out[delta.FeaturePrefix+f] = "supported"
	}
	maps.Copy(out, snap.Metadata().Configuration)
	return out
}

// describeDetail is DESCRIBE DETAIL; semantics §15.6.
func (s *Session) describeDetail(ctx context.Context, stmt *sql.Describe) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	meta, proto := snap.Metadata(), snap.Protocol()
	clustering, _, err := snap.ClusteringColumns()
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	clustered := make([]string, len(clustering))
	for i, path := range clustering {
		clustered[i] = strings.Join(path, ".")
	}
	strs := schema.Array{Element: schema.String, ContainsNull: true}
	out := rowset.New(
		schema.Col("format", schema.String), schema.Col("id", schema.String), schema.Col("name", schema.String),
		schema.Col("description", schema.String), schema.Col("location", schema.String),
		schema.Col("createdAt", schema.Timestamp), schema.Col("lastModified", schema.Timestamp),
		schema.Col("partitionColumns", strs), schema.Col("clusteringColumns", strs),
		schema.Col("numFiles", schema.Long), schema.Col("sizeInBytes", schema.Long),
		schema.Col("properties", schema.Map{Key: schema.String, Value: schema.String, ValueContainsNull: true}),
		schema.Col("minReaderVersion", schema.Integer), schema.Col("minWriterVersion", schema.Integer),
		schema.Col("tableFeatures", strs),
	)
	var name, description, created any
	if t.Entry != nil {
		name = t.Entry.Name.String()
	}
	if meta.Description != "" {
		description = meta.Description
	}
	if meta.CreatedTime > 0 {
		created = time.UnixMilli(meta.CreatedTime)
	}
	properties := meta.Configuration
	if properties == nil {
		properties = map[string]string{}
	}
	out.Add("delta", meta.ID, name, description, t.Location, created, snap.Timestamp(),
		nonNil(meta.PartitionColumns), clustered, snap.NumFiles(), snap.SizeInBytes(), properties,
		int32(proto.MinReader), int32(proto.MinWriter), features(proto))
	return resultOf(out), nil
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// features lists the table features of a protocol, legacy ones by name.
func features(p delta.Protocol) []string {
	set := map[string]bool{}
	for _, f := range p.ReaderFeatures {
		set[f] = true
	}
	for _, f := range p.WriterFeatures {
		set[f] = true
	}
	legacy := []struct {
		writer int
		names  []string
	}{
		{2, []string{"appendOnly", "invariants"}},
		{3, []string{"checkConstraints"}},
		{4, []string{"changeDataFeed", "generatedColumns"}},
		{5, []string{"columnMapping"}},
		{6, []string{"identityColumns"}},
	}
	for _, l := range legacy {
		if p.MinWriter >= l.writer && p.MinWriter < 7 {
			for _, n := range l.names {
				set[n] = true
			}
		}
	}
	return sortedKeys(set)
}

// describeHistory is DESCRIBE HISTORY; semantics §15.5.
func (s *Session) describeHistory(ctx context.Context, stmt *sql.Describe) (*Result, error) {
	t, err := s.planner.Target(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	limit := 0
	if stmt.Limit != nil {
		text, err := s.planner.Constant(ctx, stmt.Limit)
		if err != nil {
			return nil, err
		}
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, errclass.New("INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", "42K0E", "The limit like expression %q is invalid: it must be a whole number from 0 on.", stmt.Limit)
		}
	}
	history, err := t.Delta.History(ctx, limit)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	strMap := schema.Map{Key: schema.String, Value: schema.String, ValueContainsNull: true}
	out := rowset.New(
		schema.Col("version", schema.Long), schema.Col("timestamp", schema.Timestamp), schema.Col("userId", schema.String),
		schema.Col("userName", schema.String), schema.Col("operation", schema.String), schema.Col("operationParameters", strMap),
		schema.Col("job", schema.New(schema.Col("jobId", schema.String), schema.Col("jobName", schema.String), schema.Col("jobRunId", schema.String),
			schema.Col("runId", schema.String), schema.Col("jobOwnerId", schema.String), schema.Col("triggerType", schema.String))),
		schema.Col("notebook", schema.New(schema.Col("notebookId", schema.String))), schema.Col("clusterId", schema.String),
		schema.Col("readVersion", schema.Long), schema.Col("isolationLevel", schema.String), schema.Col("isBlindAppend", schema.Boolean),
		schema.Col("operationMetrics", strMap), schema.Col("userMetadata", schema.String), schema.Col("engineInfo", schema.String),
	)
	for _, h := range history {
		out.Add(historyRow(h)...)
	}
	return resultOf(out), nil
}

func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func historyRow(h delta.HistoryEntry) []any {
	var readVersion, blind any
	if h.ReadVersion != nil {
		readVersion = *h.ReadVersion
	}
	if h.IsBlindAppend != nil {
		blind = *h.IsBlindAppend
	}
	return []any{
		h.Version, h.Timestamp, optional(h.UserID), optional(h.UserName), optional(h.Operation), h.OperationParameters,
		nil, nil, optional(h.ClusterID), readVersion, optional(h.IsolationLevel), blind,
		h.OperationMetrics, optional(h.UserMetadata), optional(h.EngineInfo),
	}
}

func (s *Session) describeSchema(ctx context.Context, stmt *sql.Describe) (*Result, error) {
	catalogName, name, err := s.planner.SchemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	sc, err := s.ws.Catalog.Schema(ctx, catalogName, name)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("info_name", schema.String), schema.Col("info_value", schema.String))
	out.Add("Catalog Name", sc.Catalog)
	out.Add("Namespace Name", sc.Name)
	out.Add("Comment", sc.Comment)
	out.Add("Location", sc.Location)
	return resultOf(out), nil
}

// columnsOf returns the columns of a table or view.
func (s *Session) columnsOf(ctx context.Context, n *sql.Name) (*schema.Struct, error) {
	rows, err := s.planner.Query(ctx, sql.SelectAll(n))
	if err != nil {
		return nil, err
	}
	rows.Close()
	return rows.Schema, nil
}
