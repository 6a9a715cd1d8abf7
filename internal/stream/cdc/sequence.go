package cdc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// invalid is the error for events that cannot be applied.
func (k *Sink) invalid(class, state, format string, args ...any) error {
	return errclass.New(class, state, "AutoCDC flow on table %s failed microbatch validation. "+format, append([]any{k.Name}, args...)...)
}

// Check refuses a flow whose events, of these columns, have no order, or lack a
// column that the flow names.
func (k *Sink) Check(events *schema.Struct) error {
	i := events.Index(SequenceColumn)
	if i < 0 {
		return fmt.Errorf("events have no column %s", SequenceColumn)
	}
	if t := events.Fields[i].Type; !orderable(t) {
		return k.invalid("AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE", "22000", "The sequencing column has non-orderable type %q. The sequencing column must be of a type that supports ordering: "+
			"let SEQUENCE BY be a number, a time, a string or a struct of such.", t)
	}
	columns := k.Flow.Columns(events)
	var missing []string
	for _, name := range k.Flow.Named {
		if columns.Index(name) < 0 {
			missing = append(missing, schema.QuoteIdent(name))
		}
	}
	if len(missing) > 0 {
		return errclass.New("AUTOCDC_INVALID_COLUMN_SELECTION.COLUMNS_NOT_FOUND", "42703",
			"AutoCDC flow on table %s selects columns that the changes do not have: %s. They have %s.", k.Name, strings.Join(missing, ", "), strings.Join(columns.Names(), ", "))
	}
	return nil
}

// orderable reports whether values of a type have an order.
func orderable(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Map:
		return false
	case schema.Array:
		return orderable(t.Element)
	case *schema.Struct:
		for _, f := range t.Fields {
			if !orderable(f.Type) {
				return false
			}
		}
	}
	return t != schema.Variant
}

// rank is an expression that orders values as Spark does: NULL inside of a
// value is the least there is, and not the greatest.
func rank(t schema.Type, value string) string {
	inner := func(t schema.Type, value string) string {
		return fmt.Sprintf("{'n': %s IS NOT NULL, 'v': %s}", value, rank(t, value))
	}
	switch t := t.(type) {
	case *schema.Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = fmt.Sprintf("'f%d': %s", i, inner(f.Type, "struct_extract_at("+value+", "+strconv.Itoa(i+1)+")"))
		}
		if len(parts) > 0 {
			return "{" + strings.Join(parts, ", ") + "}"
		}
	case schema.Array:
		element := "e" + strconv.Itoa(strings.Count(value, "("))
		return fmt.Sprintf("list_transform(%s, lambda %s: %s)", value, element, inner(t.Element, element))
	}
	return value
}

// validate refuses events without a sequence, or without a key, which truncates
// alone do without.
func (b *batch) validate(rec arrow.RecordBatch) error {
	count := func(column int) int64 {
		n, _ := rec.Column(column).(*array.Int64)
		return n.Value(0)
	}
	if n := count(0); n > 0 {
		return b.invalid("AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE", "22000", "The microbatch contains %d row(s) with a null sequencing value. All rows must have a non-null sequencing value: "+
			"leave such rows out in a view that the flow reads, or order by an expression that is never NULL.", n)
	}
	var without []string
	for i, name := range b.Flow.Keys {
		if n := count(i + 1); n > 0 {
			without = append(without, fmt.Sprintf("%s: %d", schema.QuoteIdent(name), n))
		}
	}
	if len(without) > 0 {
		return b.invalid("AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY", "22000", "The microbatch contains rows with null values in the following key column(s): %s. All rows must have non-null values for every key column: "+
			"leave such rows out in a view that the flow reads.", strings.Join(without, ", "))
	}
	return nil
}

// faults counts the events without sequence, and those without each key.
func (b *batch) faults() string {
	counts := []string{"count(*) FILTER (s IS NULL)"}
	for _, k := range b.keys("") {
		counts = append(counts, fmt.Sprintf("count(*) FILTER (%s IS NULL AND kind < %d)", k, truncate))
	}
	return "SELECT " + list(counts) + " FROM " + incoming
}
