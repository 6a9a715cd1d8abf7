package sql

import (
	"strings"

	"github.com/freshet/freshet/schema"
)

// typeName parses a data type.
func (p *parser) typeName() *TypeName {
	start := p.start()
	t := p.dataType()
	return &TypeName{Range: p.from(start), Type: t}
}

func (p *parser) dataType() schema.Type {
	start := p.start()
	p.enter()
	defer p.leave()
	if p.peek(0).kind != wordToken {
		p.unexpected()
		return schema.Void
	}
	t := p.advance()
	switch t.value {
	case "ARRAY":
		a := schema.Array{ContainsNull: true}
		p.angles(func() { a.Element = p.dataType() })
		return a
	case "MAP":
		m := schema.Map{ValueContainsNull: true}
		p.angles(func() {
			m.Key = p.dataType()
			p.needSymbol(",")
			m.Value = p.dataType()
		})
		return m
	case "STRUCT":
		s := schema.New()
		if p.symbol("<>") {
			return s
		}
		p.angles(func() {
			if !p.at(">") {
				s.Fields = commaList(p, p.structField)
			}
		})
		return s
	case "DECIMAL", "DEC", "NUMERIC":
		return p.decimal()
	case "CHAR", "CHARACTER", "VARCHAR":
		if p.at("(") {
			p.parens(func() { p.count(1 << 31) })
		}
		return schema.String
	case "INTERVAL":
		p.fail(start, "UNSUPPORTED_DATATYPE", "0A000", "The data type INTERVAL is not supported.")
		return schema.Void
	}
	primitive, err := schema.ParseType(t.text)
	if err != nil {
		p.fail(start, "UNSUPPORTED_DATATYPE", "0A000", "Unsupported data type \""+strings.ToUpper(t.text)+"\".")
		return schema.Void
	}
	return primitive
}

// angles calls body between < and >.
func (p *parser) angles(body func()) {
	p.needSymbol("<")
	body()
	p.needSymbol(">")
}

func (p *parser) structField() schema.Field {
	f := schema.Field{Name: p.ident(), Nullable: true}
	p.symbol(":")
	f.Type = p.dataType()
	f.Nullable = !p.accept("NOT", "NULL")
	if p.accept("COMMENT") {
		f.Metadata = map[string]any{"comment": p.stringLiteral()}
	}
	return f
}

func (p *parser) decimal() schema.Type {
	start := p.start()
	d := schema.Decimal{Precision: 10}
	if p.symbol("(") {
		d.Precision = int(p.count(1 << 31))
		if p.symbol(",") {
			d.Scale = int(p.count(1 << 31))
		}
		p.needSymbol(")")
	}
	if d.Precision < 1 || d.Precision > schema.MaxDecimalPrecision || d.Scale > d.Precision {
		p.fail(start, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "22003", d.String()+" is out of range: the precision is 1 to 38 and the scale no larger.")
	}
	return d
}
