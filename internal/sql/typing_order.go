package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// checkOrder fails for an operation that compares variants, which have no
// order.
func (p *printer) checkOrder(operation string, at Node, operands ...Expr) {
	for _, x := range operands {
		if t := p.typeOf(x); hasVariant(t) || t == calendarInterval {
			p.failOrder(operation, at, t)
		}
	}
}

func (p *printer) failOrder(operation string, at Node, t schema.Type) {
	p.fail(mismatch("INVALID_ORDERING_TYPE", at.Pos(), "the `"+operation+"` does not support ordering on type "+strconv.Quote(t.String())+"."))
}

// checkVariants fails for a call that would compare or hash variants.
func (p *printer) checkVariants(call *FunctionCall) {
	switch name := call.Func(); name {
	case "max", "min", "greatest", "least", "sort_array", "array_sort", "array_max", "array_min", "array_distinct":
		p.checkOrder(name, call, call.Args...)
	case "nullif":
		p.checkOrder("=", call, call.Args...)
	case "hash", "xxhash64":
		for _, x := range call.Args {
			if hasVariant(p.typeOf(x)) {
				p.fail(mismatch("HASH_VARIANT_TYPE", call.Range, "input to the function `"+name+"` cannot contain elements of the \"VARIANT\" type."))
			}
		}
	}
}

// checkRowsDiffer fails for an operation that compares whole rows, which
// cannot have variants in them.
func (p *printer) checkRowsDiffer(at Node, columns []output) {
	for _, c := range columns {
		if hasVariant(c.typ) {
			p.fail(&Error{
				Class: "UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE", State: "0A000", Range: at.Pos(),
				Text: "The feature is not supported: Cannot have VARIANT type columns in DataFrame which calls set operations (INTERSECT, EXCEPT, etc.), but the type of column " +
					tickedName([]string{c.name}) + " is " + strconv.Quote(c.typ.String()) + ".",
			})
			return
		}
	}
}

// checkSortKeys fails for rows ordered by variants, the columns of a result by
// number and ORDER BY ALL among them.
func (p *printer) checkSortKeys(items []*SortItem, columns []output) {
	for _, item := range items {
		for i, c := range columns {
			if n, ok := integer(item.Expr); (item.Expr == nil || ok && n == i+1) && hasVariant(c.typ) {
				p.failOrder("sortorder", item, c.typ)
			}
		}
	}
}

// checkGroups fails for rows grouped by variants. The items of a select list
// may be meant by number, by name or by GROUP BY ALL.
func (p *printer) checkGroups(n *Select) {
	if n.GroupBy.All {
		for _, item := range n.Items {
			if !isComputed(item.Expr) {
				p.checkGroup(item.Expr)
			}
		}
	}
	for _, e := range n.GroupBy.Items {
		Inspect(e, func(part Node) bool {
			switch part := part.(type) {
			case *GroupingSets, *Tuple:
				return true
			case Expr:
				p.checkGroup(n.meant(part))
			}
			return false
		})
	}
}

// meant returns the select item that an item of GROUP BY stands for, or the
// item itself.
func (n *Select) meant(e Expr) Expr {
	if i, ok := integer(e); ok && i > 0 && i <= len(n.Items) {
		return n.Items[i-1].Expr
	}
	if c, ok := e.(*Column); ok && len(c.Parts) == 1 {
		for _, item := range n.Items {
			if item.Alias != "" && strings.EqualFold(item.Alias, c.Parts[0]) {
				return item.Expr
			}
		}
	}
	return e
}

func (p *printer) checkGroup(e Expr) {
	if t := p.typeOf(e); hasVariant(t) {
		p.fail(&Error{
			Class: "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE", State: "42822", Range: e.Pos(),
			Text: "The expression " + strconv.Quote(p.pretty(e)) + " cannot be used as a grouping expression because its data type " +
				strconv.Quote(t.String()) + " is not an orderable data type.",
		})
	}
}

// checkPartitions fails for a window whose partitions are told apart by
// variants.
func (p *printer) checkPartitions(keys []Expr) {
	for _, e := range keys {
		if t := p.typeOf(e); hasVariant(t) {
			p.fail(&Error{
				Class: "EXPRESSION_TYPE_IS_NOT_ORDERABLE", State: "42822", Range: e.Pos(),
				Text: "Column expression " + strconv.Quote(p.pretty(e)) + " cannot be sorted because its type " + strconv.Quote(t.String()) + " is not orderable.",
			})
		}
	}
}
