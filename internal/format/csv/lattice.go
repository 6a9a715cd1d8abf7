package csv

import (
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// guess is what is known of a column's type from some of its values.
type guess struct {
	kind      kind
	precision int // of kindDecimal, whose scale is 0
}

// kind orders the types in the way that inference tries them.
type kind uint8

const (
	kindOpen kind = iota // no value yet
	kindInteger
	kindLong
	kindDecimal
	kindDouble
	kindDate
	kindTimestamp
	kindBoolean
	kindString
)

// columnType returns the type of a column about which g is all that is known.
func (g guess) columnType(keepVoid bool) schema.Type {
	switch g.kind {
	case kindOpen:
		if keepVoid {
			return schema.Void
		}
	case kindInteger:
		return schema.Integer
	case kindLong:
		return schema.Long
	case kindDecimal:
		return schema.Decimal{Precision: g.precision}
	case kindDouble:
		return schema.Double
	case kindDate:
		return schema.Date
	case kindTimestamp:
		return schema.Timestamp
	case kindBoolean:
		return schema.Boolean
	case kindString:
	}
	return schema.String
}

// lattice infers types as Spark's CSVInferSchema does (semantics §3.3). Each
// goroutine needs its own.
type lattice struct {
	*formats
	local      *value.Zone // of formats.zone
	preferDate bool
	// dateCasts says that a text that is a DATE casts to TIMESTAMP.
	dateCasts bool
}

// add returns the guess for a column guessed to be g with the value text. The
// result does not depend on the order of values, and so not on how files are
// cut; Spark's does, for a few mixtures such as dates and bare years.
func (l *lattice) add(g guess, text []byte) guess {
	if g.kind == kindString {
		return g
	}
	from := kindInteger
	if g.kind == kindLong || g.kind == kindDouble {
		from = g.kind // which what fits a narrower type fits, too
	}
	return l.merge(g, l.classify(from, text))
}

// classify returns the first type from kind on that text fits.
func (l *lattice) classify(from kind, text []byte) guess {
	if len(text) > 4 && text[4] == '-' && text[3]-'0' <= 9 {
		from = max(from, kindDate) // no number has a minus behind a digit
	}
	if from <= kindInteger {
		if _, ok := value.ParseInt[int32](text); ok {
			return guess{kind: kindInteger}
		}
	}
	if from <= kindLong {
		if _, ok := value.ParseInt64(text); ok {
			return guess{kind: kindLong}
		}
	}
	if from <= kindDecimal {
		if p, scale, ok := value.DecimalShape(text); ok && scale == 0 && p <= schema.MaxDecimalPrecision {
			return guess{kind: kindDecimal, precision: p}
		}
	}
	if from <= kindDouble {
		if _, ok := l.float64(text); ok {
			return guess{kind: kindDouble}
		}
	}
	if l.preferDate && l.isDate(text) {
		return guess{kind: kindDate}
	}
	if l.isTimestamp(text) {
		return guess{kind: kindTimestamp}
	}
	if _, ok := value.ParseBool(text); ok {
		return guess{kind: kindBoolean}
	}
	return guess{kind: kindString}
}

// isDate reports whether text is a date in the format; without one only
// yyyy-MM-dd is.
func (l *lattice) isDate(text []byte) bool {
	if l.date == nil {
		const length = len("yyyy-MM-dd")
		if len(text) != length || text[4] != '-' || text[7] != '-' {
			return false
		}
		_, ok := value.CastDate(text)
		return ok
	}
	_, ok := l.date.Date(text)
	return ok
}

func (l *lattice) isTimestamp(text []byte) bool {
	if l.timestamp != nil {
		_, ok := l.timestamp.Timestamp(text, l.local)
		return ok
	}
	_, ok := value.CastTimestamp(text, l.local)
	return ok
}

// Precisions of the decimals that hold an INT and a BIGINT.
const (
	integerPrecision = 10
	longPrecision    = 20
)

func (g guess) digits() int {
	if g.kind == kindInteger {
		return integerPrecision
	}
	if g.kind == kindLong {
		return longPrecision
	}
	return g.precision
}

// merge returns the narrowest type for the values of both guesses.
func (l *lattice) merge(a, b guess) guess {
	if a.kind > b.kind {
		a, b = b, a
	}
	switch {
	case a.kind == kindOpen || a == b:
		return b
	case b.kind <= kindDecimal:
		if b.kind < kindDecimal {
			return b
		}
		return guess{kind: kindDecimal, precision: max(a.digits(), b.digits())}
	case b.kind == kindDouble:
		return b
	case a.kind == kindDate && b.kind == kindTimestamp && l.dateCasts:
		return b
	}
	return guess{kind: kindString}
}

// infersAs returns what reports whether a value that can be read as a DATE or
// a TIMESTAMP leaves a column of that kind what it is. The casts of readers take
// more, such as the year alone, which is a number, and a time behind a date. It is for one goroutine.
func (p *plan) infersAs(k kind) func(text []byte) bool {
	l := newLattice(&p.formats, p.req.Options)
	usual := func([]byte) bool { return l.dateCasts } // either of both
	if k == kindDate {
		usual = func(text []byte) bool {
			return l.preferDate && l.date == nil && len(text) == len("yyyy-MM-dd") && text[7] == '-'
		}
	}
	return func(text []byte) bool {
		if len(text) > 4 && text[4] == '-' && usual(text) {
			return true
		}
		g := guess{kind: k}
		return l.merge(g, l.classify(kindInteger, text)) == g
	}
}
