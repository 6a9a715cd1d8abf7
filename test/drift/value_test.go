package drift_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/schema"
)

// kind is what a value is in its file.
type kind int

const (
	isNull kind = iota
	isNumber
	isBool
	isText
	isObject
	isArray
)

// value is one value of a file, or of a row of the table: of a scalar the text,
// of an object the names beside the items. An object may have a name twice.
type value struct {
	kind  kind
	text  string
	names []string
	items []value
}

// get returns the member of an object that counts, the last of its name.
func (v value) get(name string) (value, bool) {
	for i, have := range slices.Backward(v.names) {
		if have == name {
			return v.items[i], true
		}
	}
	return value{}, false
}

// twice returns a name that an object has more than once, "" for none.
func (v value) twice() string {
	seen := map[string]bool{}
	for _, n := range v.names {
		if seen[n] {
			return n
		}
		seen[n] = true
	}
	return ""
}

// json returns the value as JSON.
func (v value) json() string {
	var b strings.Builder
	switch v.kind {
	case isNull:
		return "null"
	case isNumber, isBool:
		return v.text
	case isText:
		return quoted(v.text)
	case isObject:
		b.WriteByte('{')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoted(v.names[i]) + ":" + item.json())
		}
		b.WriteByte('}')
	case isArray:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(item.json())
		}
		b.WriteByte(']')
	}
	return b.String()
}

func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// parse reads JSON, keeping what a map would lose: order and repeated names.
func parse(s string) (value, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	v, err := parseNext(d)
	if err != nil {
		return v, fmt.Errorf("%s: %w", s, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return v, fmt.Errorf("%s: more follows", s)
	}
	return v, nil
}

func parseNext(d *json.Decoder) (value, error) {
	t, err := d.Token()
	if err != nil {
		return value{}, err
	}
	switch t := t.(type) {
	case json.Number:
		return value{kind: isNumber, text: t.String()}, nil
	case bool:
		return value{kind: isBool, text: strconv.FormatBool(t)}, nil
	case string:
		return value{kind: isText, text: t}, nil
	case json.Delim:
		v := value{kind: isArray}
		if t == '{' {
			v.kind = isObject
		}
		for d.More() {
			if v.kind == isObject {
				name, err := d.Token()
				if err != nil {
					return v, err
				}
				v.names = append(v.names, fmt.Sprint(name))
			}
			item, err := parseNext(d)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		_, err = d.Token()
		return v, err
	}
	return value{}, nil
}

// equal reports whether two values are the same JSON, with numbers compared by
// what they mean and members without a value left out.
func equal(a, b value) bool {
	switch {
	case a.kind != b.kind || a.kind == isArray && len(a.items) != len(b.items):
		return false
	case a.kind == isNumber:
		return sameNumber(a.text, b.text)
	case a.kind == isArray:
		for i := range a.items {
			if !equal(a.items[i], b.items[i]) {
				return false
			}
		}
		return true
	case a.kind == isObject:
		return within(a, b) && within(b, a)
	}
	return a.text == b.text
}

func within(a, b value) bool {
	for _, n := range a.names {
		x, _ := a.get(n)
		y, _ := b.get(n)
		if !equal(x, y) {
			return false
		}
	}
	return true
}

func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, also := new(big.Rat).SetString(b)
	return ok && also && x.Cmp(y) == 0
}

// rounded returns a number as a decimal of a scale.
func rounded(text string, scale int) string {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return ""
	}
	return x.FloatString(scale)
}

func sameFloat(a, b string, bits int) bool {
	x, err := strconv.ParseFloat(a, bits)
	y, err2 := strconv.ParseFloat(b, bits)
	return err == nil && err2 == nil && x == y
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.DateOnly,
}

func instant(s string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// holds reports whether a column of a type has a value of a file: all of it,
// as far as the type goes.
func holds(t schema.Type, got, v value) bool {
	if v.kind == isNull || got.kind == isNull {
		return v.kind == got.kind
	}
	switch t := t.(type) {
	case *schema.Struct:
		if v.kind != isObject || got.kind != isObject {
			return false
		}
		for i, n := range v.names {
			f := t.Index(n)
			if v.items[i].kind == isNull {
				continue
			}
			if f < 0 || t.Fields[f].Name != n {
				return false
			}
			want, _ := v.get(n)
			if have, _ := got.get(n); !holds(t.Fields[f].Type, have, want) {
				return false
			}
		}
		return true
	case schema.Array:
		if v.kind != isArray || len(got.items) != len(v.items) {
			return false
		}
		for i := range v.items {
			if !holds(t.Element, got.items[i], v.items[i]) {
				return false
			}
		}
		return true
	case schema.Decimal:
		return sameNumber(got.text, v.text) || sameNumber(got.text, rounded(v.text, t.Scale)) // as in Spark
	}
	return v.kind != isObject && v.kind != isArray && holdsScalar(t, got, v) || t == schema.String && asText(got, v)
}

// asText reports whether a STRING column has a value as its text.
func asText(got, v value) bool {
	if v.kind == isText && sameInstant(got.text, v.text) {
		return true // as Parquet files have it in rescued data
	}
	if v.kind == isText || got.text == v.text && v.kind != isObject && v.kind != isArray {
		return got.text == v.text
	}
	parsed, err := parse(got.text)
	return err == nil && equal(parsed, v)
}

func holdsScalar(t schema.Type, got, v value) bool {
	switch t {
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		return sameNumber(got.text, v.text)
	case schema.Double:
		return sameFloat(got.text, v.text, 64)
	case schema.Float:
		return sameFloat(got.text, v.text, 32)
	case schema.Boolean:
		return strings.EqualFold(got.text, v.text)
	case schema.Date: // as in Spark, without the time of the day
		return len(v.text) >= len(got.text) && sameInstant(got.text, v.text[:len(got.text)])
	case schema.Timestamp, schema.TimestampNTZ:
		if at, ok := instant(got.text); ok && v.kind == isNumber {
			return sameNumber(strconv.FormatInt(at.Unix(), 10), v.text) // seconds, as in Spark
		}
		return sameInstant(got.text, v.text)
	}
	return false
}

func sameInstant(a, b string) bool {
	x, ok := instant(a)
	y, also := instant(b)
	return ok && also && x.Equal(y)
}

// fits reports whether a column of a type surely takes a value of a text
// format, so that the value has no business elsewhere.
func fits(t schema.Type, v value) bool {
	switch t {
	case schema.String:
		return true
	case schema.Boolean:
		return v.kind == isBool
	case schema.Double:
		return v.kind == isNumber
	case schema.Integer, schema.Long:
		bits := map[schema.Type]int{schema.Integer: 32, schema.Long: 64}[t]
		_, err := strconv.ParseInt(v.text, 10, bits)
		return v.kind == isNumber && err == nil
	}
	return false
}
