package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/schema"
)

// schemaLog is what option schemaTrackingLocation keeps: the schemas that the
// stream has read the table with, one after another. Rows are read with the
// newest, up to the commit that brings another one: there the batch ends, the
// next one records the new schema and fails, and the stream goes on with it
// when it is started again. A schema without a column that the one before had,
// or with another name or type of it, has to be allowed by an option first.
//
// The schemas are files <location>/_schema_log_<table id>/<number> of the
// source's state, each written once.
type schemaLog struct {
	prefix  string
	entries []trackedSchema
}

// trackedSchema is one schema of the log.
type trackedSchema struct {
	Table   string         `json:"tableId"`
	Version int64          `json:"deltaCommitVersion"` // from which on it is read with
	Columns *schema.Struct `json:"dataSchema"`
}

const (
	maxSchemas     = 10_000
	maxSchemaBytes = 16 << 20
)

// trackingPrefix returns the log's place below the source's state, "" without one.
func (s *Source) trackingPrefix() (string, error) {
	at := s.opts.Text("schemaTrackingLocation")
	if at == "" {
		return "", nil
	}
	if !fs.ValidPath(strings.TrimSuffix(at, "/")) {
		return "", errclass.New("DELTA_STREAMING_SCHEMA_LOCATION_NOT_UNDER_CHECKPOINT", "22000",
			"Schema location %q must be under the checkpoint: name a folder in it, such as 'schema', without .. and without a / before it.", at)
	}
	return path.Join(s.cfg.State+at, "_schema_log_"+s.snapshot.Metadata().ID) + "/", nil
}

// track has the stream read with the schema that the log says, and begins the
// log with that of where the stream begins.
func (s *Source) track(ctx context.Context) error {
	prefix, err := s.trackingPrefix()
	if err != nil || prefix == "" {
		return err
	}
	log := &schemaLog{prefix: prefix}
	for n := range maxSchemas {
		entry, err := s.readSchema(ctx, prefix+strconv.Itoa(n))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		log.entries = append(log.entries, entry)
	}
	s.log = log
	if len(log.entries) == 0 {
		begin, err := s.start(ctx, nil)
		if err != nil {
			return err
		}
		if at := min(begin.Version, s.latest); at < s.snapshot.Version() {
			if s.snapshot, err = s.cfg.Table.SnapshotAt(ctx, at); err != nil {
				return s.lost(err, at)
			}
		}
		return s.record(ctx, s.snapshot.Version(), s.snapshot.Metadata())
	}
	last := log.entries[len(log.entries)-1]
	if err := s.allowed(last); err != nil {
		return err
	}
	if s.snapshot, err = s.cfg.Table.SnapshotAt(ctx, last.Version); err != nil {
		return s.lost(err, last.Version)
	}
	return nil
}

// readSchema reads an entry of the log.
func (s *Source) readSchema(ctx context.Context, key string) (entry trackedSchema, err error) {
	body, err := object.ReadAll(ctx, s.cfg.Checkpoint, key, maxSchemaBytes)
	if errors.Is(err, object.ErrTooLarge) {
		return entry, s.corruptLog(key, err)
	}
	if err != nil {
		return entry, fmt.Errorf("read schema log: %w", err)
	}
	if err := json.Unmarshal(body, &entry); err != nil || entry.Columns == nil || entry.Version < 0 {
		return entry, s.corruptLog(key, err)
	}
	return entry, nil
}

func (s *Source) corruptLog(key string, err error) error {
	return errclass.New("DELTA_STREAMING_SCHEMA_LOG_DESERIALIZE_FAILED", "22000",
		"The file %s of the schema log of the stream of %s is damaged (%w); restore it from a copy, or %s", key, s.cfg.Name, err, anew)
}

// record appends a schema to the log. Another run that has recorded it before
// it died is as good.
func (s *Source) record(ctx context.Context, version int64, m delta.Metadata) error {
	entry := trackedSchema{Table: m.ID, Version: version, Columns: m.Schema}
	body, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	key := s.log.prefix + strconv.Itoa(len(s.log.entries))
	if err := s.cfg.Checkpoint.PutIfAbsent(ctx, key, body); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write schema log: %w", err)
	}
	s.log.entries = append(s.log.entries, entry)
	return nil
}

// evolve is what a commit means that has other columns than the stream reads:
// nil when it has not.
func (s *Source) evolve(c *delta.LogCommit) error {
	if s.log == nil || c.Metadata == nil || c.Version <= s.snapshot.Version() || c.Metadata.ID != s.snapshot.Metadata().ID {
		return nil
	}
	if schema.EqualIgnoringNulls(c.Metadata.Schema, s.snapshot.Schema()) {
		return nil
	}
	return &evolvedError{version: c.Version, metadata: *c.Metadata}
}

// evolvedError is where a batch ends, and the next one begins with another
// schema.
type evolvedError struct {
	version  int64
	metadata delta.Metadata
}

func (e *evolvedError) Error() string { return fmt.Sprintf("version %d has another schema", e.version) }

// takeUp records the schema that the stream has come to, and says that it has
// to be started again.
func (s *Source) takeUp(ctx context.Context, e *evolvedError) error {
	if err := s.record(ctx, e.version, e.metadata); err != nil {
		return err
	}
	if err := s.allowed(s.log.entries[len(s.log.entries)-1]); err != nil {
		return &MetadataEvolutionError{Table: s.cfg.Name, Version: e.version}
	}
	return &SchemaChangedError{Table: s.cfg.Name, Version: e.version, tracked: true}
}

// MetadataEvolutionError says that the schema of a table has changed by more
// than columns that were added, and is recorded: started again, the stream
// goes on with it once that is allowed.
type MetadataEvolutionError struct {
	Table   string
	Version int64
}

func (e *MetadataEvolutionError) Error() string {
	return fmt.Sprintf("the schema of %s has changed in version %d, and the new one is recorded at schemaTrackingLocation; start the stream again to go on with it", e.Table, e.Version)
}

// ErrorClass returns Delta's class of the error.
func (*MetadataEvolutionError) ErrorClass() string { return "DELTA_STREAMING_METADATA_EVOLUTION" }

// SQLState returns the error's SQLSTATE.
func (*MetadataEvolutionError) SQLState() string { return "22000" }

// allowed returns why the stream may not go on with the newest schema: it
// lacks, renames or retypes a column of the one before, and no option says
// that this is meant.
func (s *Source) allowed(now trackedSchema) error {
	i := len(s.log.entries) - 2
	if i < 0 {
		return nil
	}
	changes := map[string]string{}
	difference(s.log.entries[i].Columns, now.Columns, changes)
	for _, kind := range []string{"Rename", "Drop", "TypeChange"} {
		column, changed := changes[kind]
		name := "allowSourceColumn" + kind
		if v := s.opts.Text(name); !changed || strings.EqualFold(v, "always") || v == strconv.FormatInt(now.Version, 10) {
			continue
		}
		return errclass.New("DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", "KD002",
			"We've detected one or more non-additive schema change(s) between the Delta version the stream has read %s with and version %d: column %s (%s). "+
				"See to it that the query and its target are right for the new schema, then go on by the option %s = '%d' of the stream, or 'always'.",
			s.cfg.Name, now.Version, column, strings.ToLower(kind), name, now.Version)
	}
	return nil
}

// difference notes, for each kind of change that is no addition, a column that
// has it.
func difference(before, now *schema.Struct, changes map[string]string) {
	at := map[string]schema.Field{}
	for _, f := range now.Fields {
		at[physicalName(f)] = f
	}
	for _, f := range before.Fields {
		to, ok := at[physicalName(f)]
		inner, nested := f.Type.(*schema.Struct)
		toInner, stillNested := to.Type.(*schema.Struct)
		switch {
		case !ok:
			changes["Drop"] = f.Name
		case to.Name != f.Name:
			changes["Rename"] = f.Name
		case nested && stillNested:
			difference(inner, toInner, changes)
		case !schema.EqualIgnoringNulls(f.Type, to.Type):
			changes["TypeChange"] = f.Name
		}
	}
}

// physicalName is what a column is called in files, whatever its name is.
func physicalName(f schema.Field) string {
	if name, ok := f.Metadata["delta.columnMapping.physicalName"].(string); ok {
		return name
	}
	return f.Name
}
