package csv

import "bytes"

// quoted takes the value whose opening quote is at i, and returns where it
// ends: at a separator, a line end or end.
//
// The rules are those of Spark's parser, univocity. A quote ends the value if
// a separator or the end of the record follows, blanks between them dropped;
// the escape character before a quote makes it part of the value. Any other
// quote is treated as option unescapedQuoteHandling says.
func (t *tokenizer) quoted(i, end int) int {
	i += len(t.quote)
	if next, ok := t.cleanQuoted(i, end); ok {
		return next
	}
	v := quotedValue{tokenizer: t, end: end, from: len(t.scratch)}
	return v.read(i)
}

// cleanQuoted takes a value that has neither escapes nor quotes inside.
func (t *tokenizer) cleanQuoted(i, end int) (next int, ok bool) {
	n := bytes.IndexByte(t.data[i:end], t.quote[0])
	if n < 0 {
		return 0, false
	}
	closing := i + n
	after := closing + len(t.quote)
	switch {
	case len(t.quote) > 1 && !t.quote.at(t.data[:end], closing):
		return 0, false
	case after < end && !t.isSep(after) && t.newline(after) == 0:
		return 0, false
	}
	text := t.data[i:closing]
	for _, c := range []symbol{t.escape, t.escapeEscape} {
		if c != "" && bytes.IndexByte(text, c[0]) >= 0 {
			return 0, false
		}
	}
	if t.separators.quoted != nil && bytes.IndexByte(text, '\r') >= 0 {
		return 0, false // line breaks become \n
	}
	t.putQuoted(i, closing)
	return after, true
}

// putQuoted adds data[from:to], which stood between quotes.
func (t *tokenizer) putQuoted(from, to int) {
	if from == to {
		t.putText(len(t.scratch))
		return
	}
	t.put(cell{uint32(from), uint32(to - from)})
}

// putText adds the text of scratch from on. Empty text stands for a quoted
// empty value.
func (t *tokenizer) putText(from int) {
	if len(t.scratch) == from {
		t.scratch = append(t.scratch, t.emptyValue...)
	}
	if len(t.scratch) == from {
		t.put(cell{at: quotedEmpty})
		return
	}
	t.put(cell{uint32(len(t.data) + from), uint32(len(t.scratch) - from)})
}

// quotedValue is the reading of one value that is not simply quoted. Its text
// grows in the tokenizer's scratch.
type quotedValue struct {
	*tokenizer
	end     int
	from    int // of the text in scratch
	pending pending
}

// pending is what was read last and is not part of the text yet.
type pending uint8

const (
	nothing pending = iota
	quoteMark
	escapeMark
)

// read reads on from i, behind the opening quote.
func (v *quotedValue) read(i int) int {
	if i >= v.end {
		v.scratch = append(v.scratch, v.quote...) // a lone quote stands for itself
	}
	for i < v.end && v.err == nil {
		isQuote, isEscape := false, false
		if v.special[v.data[i]] {
			isQuote, isEscape = v.quote.at(v.data[:v.end], i), v.escape.at(v.data[:v.end], i)
		}
		switch {
		case v.pending == quoteMark && (v.isSep(i) || v.newline(i) > 0):
			v.putText(v.from)
			return i
		case v.pending == quoteMark && v.data[i] <= ' ':
			next, done := v.afterQuote(i)
			if done {
				return next
			}
			i = next
		case isQuote || isEscape && v.pending != quoteMark:
			i = v.mark(i, isQuote)
		case v.pending == quoteMark:
			next, done := v.unescapedQuote(i)
			if done {
				return next
			}
			i = next
		default:
			i = v.run(i)
		}
	}
	v.putText(v.from) // the record ends inside quotes: what there is counts
	return max(i, v.end)
}

// run takes characters without meaning.
func (v *quotedValue) run(i int) int {
	if v.pending == escapeMark {
		v.scratch = append(v.scratch, v.escape...)
		v.pending = nothing
	}
	start := i
	for ; i < v.end; i++ {
		if !v.special[v.data[i]] {
			continue
		}
		if v.quote.at(v.data, i) || v.escape.at(v.data, i) {
			break
		}
		switch {
		case v.data[i] == '\r' && v.multiLine && len(v.separators.quoted) > 0 && bytes.HasPrefix(v.data[i:], v.separators.quoted):
			v.scratch = append(append(v.scratch, v.data[start:i]...), '\n')
			i += len(v.separators.quoted) - 1
			start = i + 1
		case v.escapeEscape != v.escape && v.escapeEscape.at(v.data, i) && v.escape.at(v.data, i+len(v.escapeEscape)):
			v.scratch = append(append(v.scratch, v.data[start:i]...), v.escape...)
			i += len(v.escapeEscape) + len(v.escape) - 1
			start = i + 1
		}
	}
	v.scratch = append(v.scratch, v.data[start:min(i, v.end)]...)
	return i
}

// mark takes a quote, or an escape character that follows no quote.
func (v *quotedValue) mark(i int, isQuote bool) int {
	switch {
	case v.pending == escapeMark && isQuote:
		v.scratch = append(v.scratch, v.quote...)
		v.pending = nothing
		return i + len(v.quote)
	case v.pending == escapeMark:
		v.scratch = append(v.scratch, v.escape...)
		if v.escapeEscape == v.escape {
			v.pending = nothing
		}
		return i + len(v.escape)
	case v.pending == quoteMark && isQuote:
		v.scratch = append(v.scratch, v.quote...)
		if v.escape == v.quote {
			v.pending = nothing
		}
		return i + len(v.quote)
	case isQuote:
		v.pending = quoteMark
		return i + len(v.quote)
	}
	v.pending = escapeMark
	return i + len(v.escape)
}

// afterQuote looks at blanks behind a quote. done says that the value ended
// at next, otherwise it goes on there.
func (v *quotedValue) afterQuote(i int) (next int, done bool) {
	blanks := i
	for i < v.end && v.data[i] <= ' ' && !v.isSep(i) && v.newline(i) == 0 {
		i++
	}
	if i >= v.end || v.isSep(i) || v.newline(i) > 0 {
		v.putText(v.from)
		return i, true
	}
	if v.unescaped == stopAtClosingQuote {
		v.scratch = append(append(v.scratch, v.quote...), v.data[blanks:i]...)
		v.pending = nothing
		return i, false
	}
	return v.giveUp(blanks)
}

// unescapedQuote deals with a quote that something at i follows which is no
// end. done says that the value ended at next, otherwise it goes on there.
func (v *quotedValue) unescapedQuote(i int) (next int, done bool) {
	switch v.unescaped {
	case stopAtClosingQuote:
		v.scratch = append(v.scratch, v.quote...)
		v.pending = nothing
		return i, false
	case backToDelimiter:
		v.splitText()
		v.pending = nothing
		return i, false
	}
	return v.giveUp(i)
}

// giveUp ends a value whose quotes make no sense at the next separator. Its
// text is what was read, quotes included, and everything from i on.
func (v *quotedValue) giveUp(i int) (next int, done bool) {
	next = v.skipTo(i, v.end)
	switch v.unescaped {
	case raiseError:
		v.fail("an unescaped quote stands inside a quoted value (option unescapedQuoteHandling)")
		return v.end, true
	case skipValue:
		v.put(cell{})
		return next, true
	}
	text := append([]byte(v.quote), v.scratch[v.from:]...)
	text = append(append(text, v.quote...), v.data[i:next]...)
	if v.trimTrailing {
		text = bytes.TrimRightFunc(text, func(r rune) bool { return r <= ' ' })
	}
	v.scratch = append(v.scratch[:v.from], text...)
	v.putText(v.from)
	return next, true
}

// splitText makes values of the text so far, up to its last separator.
func (v *quotedValue) splitText() {
	for {
		n := bytes.Index(v.scratch[v.from:], v.sep)
		if n < 0 {
			return
		}
		v.put(cell{uint32(len(v.data) + v.from), uint32(n)})
		v.from += n + len(v.sep)
	}
}
