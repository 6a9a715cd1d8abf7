package delta

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Keys of column mapping besides those that files are read by.
const (
	columnIDKey    = "delta.columnMapping.id"
	maxColumnIDKey = "delta.columnMapping.maxColumnId"
)

// MapColumns gives every field that lacks them an id and a name for files, if
// the table maps columns (protocol: Column Mapping); newID returns a UUID. A
// [Writer] needs them, and so a table's new columns have to be mapped before
// their first rows are written. Without column mapping m is returned as it is.
func (m Metadata) MapColumns(newID func() string) Metadata {
	if !hasColumnMapping(&m) || mapped(m.Schema) {
		return m
	}
	m = m.Clone()
	m.mapColumns(func(schema.Field) string { return "col-" + newID() })
	return m
}

// mapped reports whether every field has an id and a physical name.
func mapped(s *schema.Struct) bool {
	return !anyField(s, func(f schema.Field) bool {
		_, named := f.Metadata[physicalNameKey].(string)
		_, numbered := metadataInt(f.Metadata[columnIDKey])
		return !named || !numbered
	})
}

// named reports whether every field has a physical name.
func named(s *schema.Struct) bool {
	return !anyField(s, func(f schema.Field) bool {
		_, ok := f.Metadata[physicalNameKey].(string)
		return !ok
	})
}

// mapColumns changes m, which it owns. Ids go up from the highest one ever
// given, so that none is used twice in the history of the table.
func (m *Metadata) mapColumns(physicalName func(schema.Field) string) {
	last, _ := strconv.ParseInt(m.Configuration[maxColumnIDKey], 10, 64)
	anyField(m.Schema, func(f schema.Field) bool {
		if id, ok := metadataInt(f.Metadata[columnIDKey]); ok {
			last = max(last, id)
		}
		return false
	})
	eachStruct(m.Schema, func(s *schema.Struct) {
		for i := range s.Fields {
			f := &s.Fields[i]
			if f.Metadata == nil {
				f.Metadata = map[string]any{}
			}
			if _, ok := metadataInt(f.Metadata[columnIDKey]); !ok {
				last++
				f.Metadata[columnIDKey] = last
			}
			if _, ok := f.Metadata[physicalNameKey].(string); !ok {
				f.Metadata[physicalNameKey] = physicalName(*f)
			}
		}
	})
	m.Configuration[maxColumnIDKey] = strconv.FormatInt(last, 10)
}

// eachStruct calls visit for every struct of t, outer ones first.
func eachStruct(t schema.Type, visit func(*schema.Struct)) {
	anyType(t, func(t schema.Type) bool {
		if s, ok := t.(*schema.Struct); ok {
			visit(s)
		}
		return false
	})
}

// ownName is the physical name of a column of files that were written before
// the table mapped columns.
func ownName(f schema.Field) string { return f.Name }

// MappingModeError refuses a change of a table's column mapping mode: a table
// that holds data can go from none to name alone.
type MappingModeError struct{ From, To string }

func (e *MappingModeError) Error() string {
	return fmt.Sprintf("changing column mapping mode from '%s' to '%s' is not supported", e.From, e.To)
}

// ErrorClass returns Delta's class of the error.
func (*MappingModeError) ErrorClass() string { return "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE" }

// SQLState returns the error's SQLSTATE.
func (*MappingModeError) SQLState() string { return "0AKDC" }

// mappingMode returns the table's column mapping mode.
func mappingMode(config map[string]string) string {
	if mode := config[mappingModeKey]; mode != "" {
		return mode
	}
	return "none"
}

// PhysicalPartitionColumns returns the names that the partition columns have
// as keys of [AddFile.PartitionValues], in declared order.
func (m Metadata) PhysicalPartitionColumns() []string {
	mapped := mappingOf(&m)
	names := slices.Clone(m.PartitionColumns)
	for i, name := range names {
		if at := m.Schema.Index(name); at >= 0 {
			names[i] = mapped.physicalName(m.Schema.Fields[at])
		}
	}
	return names
}

// PlainColumns returns s without what the protocol keeps in the metadata of
// fields: the columns of another table, which gives them rules, ids and names
// for files of its own. Comments stay.
func PlainColumns(s *schema.Struct) *schema.Struct {
	s = s.Clone()
	eachStruct(s, func(s *schema.Struct) {
		for _, f := range s.Fields {
			maps.DeleteFunc(f.Metadata, func(key string, _ any) bool {
				return strings.HasPrefix(key, "delta.") || key == defaultKey || key == "EXISTS_DEFAULT"
			})
		}
	})
	return s
}
