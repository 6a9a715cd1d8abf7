package delta

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Alteration is a change of a table's columns, constraints or properties, in
// the making: each method makes one step or returns the error that forbids it.
// Nothing else of the metadata changes, and files are never rewritten. What
// comes of it is set in a transaction on the same snapshot:
//
//	a, err := snapshot.Alter()
//	…
//	err = a.RenameColumn([]string{"address", "zip"}, "postcode")
//	…
//	tx := table.Begin(snapshot)
//	tx.SetMetadata(a.Metadata())
//
// Columns are named by paths: names of fields, and the words element, key and
// value to step into arrays and maps. Names match ignoring case.
type Alteration struct {
	metadata   Metadata
	clustering [][]string // logical paths
}

// Alter begins a change of the table's metadata. The error says that the log
// does not tell what the table is clustered by.
func (s *Snapshot) Alter() (*Alteration, error) {
	a := &Alteration{metadata: s.metadata.Clone()}
	var err error
	if a.clustering, _, err = s.ClusteringColumns(); err != nil {
		return nil, err
	}
	if a.metadata.Configuration == nil {
		a.metadata.Configuration = map[string]string{}
	}
	return a, nil
}

// Metadata returns the metadata as it is to be.
func (a *Alteration) Metadata() Metadata { return a.metadata.Clone() }

// Position is where a column goes among those of its struct: at the end, the
// first, or after another one.
type Position struct {
	First bool
	After string
}

// AlterError refuses a change of a table's metadata.
type AlterError struct {
	Class, State string // Delta's error class and SQLSTATE
	Text         string
}

func (e *AlterError) Error() string { return e.Text }

// ErrorClass returns Delta's class of the error.
func (e *AlterError) ErrorClass() string { return e.Class }

// SQLState returns the error's SQLSTATE.
func (e *AlterError) SQLState() string { return e.State }

func refuse(class, state, format string, args ...any) error {
	return &AlterError{Class: class, State: state, Text: fmt.Sprintf(format, args...)}
}

// AddColumn adds a column, or a field of a struct: parent is the path of the
// struct, empty for the table. It has to be nullable, as rows that are there
// have no value for it.
func (a *Alteration) AddColumn(parent []string, f schema.Field, at Position) error {
	s, err := a.structAt(parent)
	if err != nil {
		return err
	}
	if !f.Nullable {
		return refuse("DELTA_UNSUPPORTED_ADD_COLUMN_NOT_NULL", "0AKDC",
			"column %s cannot be added NOT NULL: rows of the table have no value for it; add it nullable, fill it, then SET NOT NULL", quotePath(append(slices.Clone(parent), f.Name)))
	}
	if i := s.Index(f.Name); i >= 0 {
		return refuse("FIELD_ALREADY_EXISTS", "42710", "cannot add column, because %s already exists in %s", quotePath(append(slices.Clone(parent), s.Fields[i].Name)), s)
	}
	i, err := placeOf(s, at)
	if err != nil {
		return err
	}
	s.Fields = slices.Insert(s.Fields, i, f)
	return a.check()
}

// DropColumn removes a column or field from the schema. Its values stay in
// the files, where nothing reads them; that takes column mapping.
func (a *Alteration) DropColumn(path []string) error {
	if !hasColumnMapping(&a.metadata) {
		return a.needsMapping("DROP COLUMN", "DELTA_UNSUPPORTED_DROP_COLUMN")
	}
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	switch {
	case len(path) == 1 && slices.Contains(a.metadata.PartitionColumns, s.Fields[i].Name):
		return refuse("DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN", "0AKDC", "dropping partition columns (%s) is not allowed", quotePath(path))
	case a.clusters(path):
		return refuse("DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN", "0AKDC", "dropping clustering columns (%s) is not supported; change them with CLUSTER BY first", quotePath(path))
	case len(s.Fields) == 1:
		return refuse("DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA", "0AKDC", "cannot drop column from a schema with a single column: %s", quotePath(path))
	}
	if err := a.checkDependents(path); err != nil {
		return err
	}
	s.Fields = slices.Delete(s.Fields, i, i+1)
	return nil
}

// RenameColumn gives a column or field another name; that takes column
// mapping.
func (a *Alteration) RenameColumn(path []string, name string) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	if err := a.checkDependents(path); err != nil {
		return err
	}
	if !hasColumnMapping(&a.metadata) {
		return a.needsMapping("RENAME COLUMN", "DELTA_UNSUPPORTED_RENAME_COLUMN")
	}
	if at := s.Index(name); at >= 0 && at != i {
		return refuse("FIELD_ALREADY_EXISTS", "42710", "cannot rename column, because %s already exists in %s",
			quotePath(append(slices.Clone(path[:len(path)-1]), s.Fields[at].Name)), s)
	}
	old := s.Fields[i].Name
	s.Fields[i].Name = name
	if at := slices.Index(a.metadata.PartitionColumns, old); at >= 0 && len(path) == 1 {
		a.metadata.PartitionColumns[at] = name
	}
	a.renameStatistics(path, name)
	return a.check()
}

func (a *Alteration) needsMapping(what, class string) error {
	return refuse(class, "0AKDC", "%s needs column mapping, which the table does not have: ALTER TABLE … SET TBLPROPERTIES ('%s' = 'name')", what, mappingModeKey)
}

// MoveColumn puts a column or field at another place of its struct.
func (a *Alteration) MoveColumn(path []string, at Position) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	f := s.Fields[i]
	if strings.EqualFold(at.After, f.Name) {
		return nil
	}
	rest := &schema.Struct{Fields: slices.Delete(slices.Clone(s.Fields), i, i+1)}
	to, err := placeOf(rest, at)
	if err != nil {
		return err
	}
	s.Fields = slices.Insert(rest.Fields, to, f)
	return nil
}

// SetComment says what a column holds; "" removes the comment.
func (a *Alteration) SetComment(path []string, comment string) error {
	return a.setKey(path, "comment", comment)
}

// SetDefault gives a column of the table a default for rows to come, a Spark
// SQL expression; "" removes it.
func (a *Alteration) SetDefault(path []string, expr string) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	_, generated := GenerationExpression(s.Fields[i])
	_, identity := IdentityOf(s.Fields[i])
	if expr != "" && (generated || identity) {
		return refuse("GENERATED_COLUMN_WITH_DEFAULT_VALUE", "42623", "column %s cannot have a default value: its values are generated", quotePath(path))
	}
	return a.setKey(path, defaultKey, expr)
}

func (a *Alteration) setKey(path []string, key, value string) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	setFieldKey(&s.Fields[i], key, value)
	return nil
}

// SetNullable declares a column or field NOT NULL, or takes that back. Whoever
// declares it must have found no null in the rows of the table.
func (a *Alteration) SetNullable(path []string, nullable bool) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	if !nullable && throughCollection(a.metadata.Schema, path) {
		return refuse("DELTA_NESTED_NOT_NULL_CONSTRAINT", "0AKDC", "field %s cannot be NOT NULL: it lies inside an array or a map", quotePath(path))
	}
	s.Fields[i].Nullable = nullable
	return nil
}

// ChangeType gives a column, field, element, key or value a wider type
// (protocol: Type Widening). The table must have the property
// delta.enableTypeWidening.
func (a *Alteration) ChangeType(path []string, to schema.Type) error {
	from, err := a.typeAt(path)
	if err != nil {
		return err
	}
	if schema.EqualIgnoringNulls(from, to) {
		return nil
	}
	if !isSet(typeWideningKey)(&a.metadata) || !CanWiden(from, to) {
		return refuse("DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP", "0AKDC",
			"ALTER TABLE CHANGE COLUMN is not supported for changing column %s from %s to %s; types widen where they lose nothing, on tables with '%s' = 'true'",
			quotePath(path), from, to, typeWideningKey)
	}
	if err := a.checkDependents(path); err != nil {
		return err
	}
	old := a.metadata.Schema.Clone()
	if _, err := replaceType(a.metadata.Schema, path, to); err != nil {
		return err
	}
	RecordTypeChanges(old, a.metadata.Schema)
	return nil
}

// AddConstraint adds a CHECK constraint. Whoever adds it must have found it
// true of every row of the table.
func (a *Alteration) AddConstraint(c Constraint) error { return a.metadata.AddConstraint(c) }

// DropConstraint removes a CHECK constraint and returns its expression;
// existed is false when there is none of the name.
func (a *Alteration) DropConstraint(name string) (expr string, existed bool) {
	key, ok := a.metadata.constraint(name)
	expr = a.metadata.Configuration[key]
	delete(a.metadata.Configuration, key)
	return expr, ok
}

// clusters reports whether the column of a path, or one inside it, is one that
// the table is clustered by.
func (a *Alteration) clusters(path []string) bool {
	return slices.ContainsFunc(a.clustering, func(c []string) bool {
		return len(c) >= len(path) && slices.EqualFunc(c[:len(path)], path, strings.EqualFold)
	})
}

func quotePath(path []string) string {
	quoted := make([]string, len(path))
	for i, name := range path {
		quoted[i] = schema.QuoteIdent(name)
	}
	return strings.Join(quoted, ".")
}
