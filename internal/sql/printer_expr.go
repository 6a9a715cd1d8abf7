package sql

import "strings"

// scope knows the common table expressions visible at a place.
type scope struct{}

// text returns e printed as it stands between commas or parentheses.
func (p *printer) text(e Expr) string { return p.captured(func() { p.expr(e) }) }

// operand returns e printed, in parentheses when it has operators.
func (p *printer) operand(e Expr) string {
	if precedence(e) == precPrimary {
		return p.text(e)
	}
	return "(" + p.text(e) + ")"
}

// captured returns what f prints instead of adding it to the text.
func (p *printer) captured(f func()) string {
	outer := p.Builder
	p.Builder = new(strings.Builder)
	f()
	s := p.String()
	p.Builder = outer
	return s
}

func (p *printer) expr(e Expr)             { p.WriteString(e.String()) }
func (p *printer) window(n *Window)        { p.WriteString(n.String()) }
func (p *printer) sortItems(l []*SortItem) { p.WriteString("") }
