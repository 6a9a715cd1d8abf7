//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Regular expressions that DuckDB's own functions cannot take: those with
// constructs of Java's that RE2 lacks, and those that a column gives.
var regexpFunctions = map[string][]*function{
	"spark_regexp_matches": {patterned(bindings.TypeBoolean, nil, func(re *pattern, a []column, i int, out column) error {
		found, err := re.find(a[0].text(i), 1)
		*at[bool](out, i) = len(found) > 0
		return err
	})},
	"spark_regexp_extract": {patterned(textType, []bindings.Type{intType}, func(re *pattern, a []column, i int, out column) error {
		found, err := re.groups(a[0].text(i), 1, int(*at[int32](a[2], i)))
		if err == nil {
			out.setText(i, slices.Concat(found, []string{""})[0])
		}
		return err
	})},
	"spark_regexp_find": {patterned(textType, nil, func(re *pattern, a []column, i int, out column) error {
		found, err := re.groups(a[0].text(i), 1, 0)
		if len(found) == 0 {
			out.setNull(i)
			return err
		}
		out.setText(i, found[0])
		return err
	})},
	"spark_regexp_extract_all": {patterned(bindings.TypeList, []bindings.Type{intType}, func(re *pattern, a []column, i int, out column) error {
		found, err := re.groups(a[0].text(i), -1, int(*at[int32](a[2], i)))
		out.setTexts(i, found)
		return err
	})},
	"spark_regexp_position": {patterned(intType, nil, func(re *pattern, a []column, i int, out column) error {
		text := a[0].text(i)
		found, err := re.find(text, 1)
		*at[int32](out, i) = 0
		if len(found) > 0 {
			*at[int32](out, i) = int32(utf8.RuneCountInString(text[:found[0][0]])) + 1
		}
		return err
	})},
	"spark_regexp_replace": {patterned(textType, []bindings.Type{textType}, func(re *pattern, a []column, i int, out column) error {
		text, err := re.replace(a[0].text(i), a[2].text(i))
		out.setText(i, text)
		return err
	})},
	"spark_regexp_split": {patterned(bindings.TypeList, []bindings.Type{intType}, func(re *pattern, a []column, i int, out column) error {
		parts, err := re.split(a[0].text(i), int(*at[int32](a[2], i)))
		out.setTexts(i, parts)
		return err
	})},
}

// patterned is a function of a text, a pattern and more.
func patterned(returns bindings.Type, more []bindings.Type, row func(re *pattern, a []column, i int, out column) error) *function {
	trying := func([]column) (tryingRow, error) {
		compiled := map[string]*pattern{} // of one chunk
		return func(a []column, i int, out column) error {
			text := a[1].text(i)
			re, ok := compiled[text]
			if !ok {
				var err error
				if re, err = compilePattern(text); err != nil {
					return err
				}
				compiled[text] = re
			}
			return row(re, a, i, out)
		}, nil
	}
	return &function{takes: append([]bindings.Type{textType, textType}, more...), returns: returns, trying: trying}
}

// setTexts makes row i of a column of lists the list of texts.
func (c column) setTexts(i int, texts []string) {
	size := bindings.ListVectorGetSize(c.vector)
	end := size + bindings.IdxT(len(texts))
	bindings.ListVectorReserve(c.vector, end)
	bindings.ListVectorSetSize(c.vector, end)
	child := bindings.ListVectorGetChild(c.vector)
	for k, text := range texts {
		bindings.VectorAssignStringElementLen(child, size+bindings.IdxT(k), []byte(text))
	}
	*at[span](c, i) = span{uint64(size), uint64(len(texts))}
}

// matchTimeout bounds the search for one match by backtracking.
const matchTimeout = 5 * time.Second

// pattern is a regular expression of Java's. Most run in linear time; those
// that cannot, by backtracking.
type pattern struct {
	text   string
	linear *regexp.Regexp
	back   *regexp2.Regexp
	names  map[string]int // of groups
	size   int            // how many groups
}

// compilePattern compiles a pattern of Java's.
func compilePattern(text string) (*pattern, error) {
	p := &pattern{text: text, names: map[string]int{}}
	j := javaPattern{in: text, names: p.names}
	if err := j.translate(); err != nil {
		return nil, err
	}
	if re, err := regexp.Compile(text); err == nil && !j.foreign {
		p.linear, p.size = re, re.NumSubexp()
		return p, nil
	}
	re, err := regexp2.Compile(string(j.out), regexp2.RE2)
	if err != nil {
		return nil, badPattern(text)
	}
	re.MatchTimeout = matchTimeout
	p.back, p.size = re, j.groups
	return p, nil
}

func badPattern(text string) error {
	return fmt.Errorf("[INVALID_PARAMETER_VALUE.PATTERN] The value of the parameter `regexp` is invalid: '%s' is no regular expression. SQLSTATE: 22023", text)
}

// find returns the places of up to limit matches, or of all when it is
// negative: where each begins and ends and where its groups do, in bytes, -1
// for a group without a match.
func (p *pattern) find(text string, limit int) ([][]int, error) {
	if p.linear != nil {
		return p.linear.FindAllStringSubmatchIndex(text, limit), nil
	}
	runes := []rune(text)
	offsets := make([]int, 0, len(runes)+1) // in bytes, of each rune
	for i := range text {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(text))
	var all [][]int
	m, err := p.back.FindRunesMatch(runes)
	for ; m != nil && err == nil && (limit < 0 || len(all) < limit); m, err = p.back.FindNextMatch(m) {
		place := make([]int, 0, 2*p.size+2)
		for k := range p.size + 1 {
			g := m.GroupByNumber(k)
			if g == nil || len(g.Captures) == 0 {
				place = append(place, -1, -1)
				continue
			}
			place = append(place, offsets[g.Index], offsets[g.Index+g.Length])
		}
		all = append(all, place)
	}
	if err != nil {
		return nil, fmt.Errorf("[INVALID_PARAMETER_VALUE.PATTERN] The regular expression '%s' takes longer than %s for one match. Write it so that it backtracks less. SQLSTATE: 22023", p.text, matchTimeout)
	}
	return all, nil
}

// groups returns the text of a group in up to limit matches.
func (p *pattern) groups(text string, limit, group int) ([]string, error) {
	if group < 0 || group > p.size {
		return nil, fmt.Errorf("[INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX] The value of the parameter `idx` is invalid: Expects group index between 0 and %d, but got %d. SQLSTATE: 22023", p.size, group)
	}
	found, err := p.find(text, limit)
	texts := make([]string, len(found))
	for i, m := range found {
		if from := m[2*group]; from >= 0 {
			texts[i] = text[from:m[2*group+1]]
		}
	}
	return texts, err
}

// replace replaces all matches by a replacement of Java's: $1 and ${name} are
// groups, and a backslash takes what follows as it is.
func (p *pattern) replace(text, replacement string) (string, error) {
	found, err := p.find(text, -1)
	if err != nil || len(found) == 0 {
		return text, err
	}
	var b []byte
	end := 0
	for _, m := range found {
		b = append(b, text[end:m[0]]...)
		if b, err = p.expand(b, replacement, text, m); err != nil {
			return "", err
		}
		end = m[1]
	}
	return string(append(b, text[end:]...)), nil
}

// expand appends a replacement for the match m of text.
func (p *pattern) expand(b []byte, replacement, text string, m []int) ([]byte, error) {
	for i := 0; i < len(replacement); i++ {
		c := replacement[i]
		if c == '\\' && i+1 < len(replacement) {
			i++
			b = append(b, replacement[i])
			continue
		}
		if c != '$' {
			b = append(b, c)
			continue
		}
		group, used := p.reference(replacement[i+1:])
		if group < 0 || group > p.size {
			return nil, fmt.Errorf("[INVALID_REGEXP_REPLACE] The replacement '%s' names a group that the regular expression '%s' does not have. Write \\$ for a dollar sign. SQLSTATE: 22023", replacement, p.text)
		}
		i += used
		if from := m[2*group]; from >= 0 {
			b = append(b, text[from:m[2*group+1]]...)
		}
	}
	return b, nil
}

// reference reads what follows a $: the number of a group, as many digits as
// name one, or its name between braces. It returns -1 for anything else.
func (p *pattern) reference(s string) (group, used int) {
	if m := braced.FindStringSubmatch(s); m != nil {
		if n, ok := p.names[m[1]]; ok {
			return n, len(m[0])
		}
		return -1, 0
	}
	group = -1
	for used < len(s) && s[used] >= '0' && s[used] <= '9' {
		n := max(group, 0)*10 + int(s[used]-'0')
		if group >= 0 && n > p.size {
			break
		}
		group = n
		used++
	}
	return group, used
}

var braced = regexp.MustCompile(`^\{([A-Za-z][A-Za-z0-9]*)\}`)

// split cuts a text at the matches into at most limit parts, or any number
// when limit is not positive. A match of nothing at the start cuts nothing
// off; an empty pattern cuts between characters.
func (p *pattern) split(text string, limit int) ([]string, error) {
	if text == "" {
		return []string{""}, nil
	}
	found, err := p.find(text, -1)
	if err != nil {
		return nil, err
	}
	var parts []string
	start := 0
	for _, m := range found {
		if limit > 0 && len(parts) == limit-1 {
			break
		}
		if m[1] == 0 || p.text == "" && m[0] == len(text) {
			continue
		}
		parts = append(parts, text[start:m[0]])
		start = m[1]
	}
	return append(parts, text[start:]), nil
}
