package json

import "github.com/freshet/freshet/internal/format/column"

// mapOf reads a map. When a key comes again, as Spark has it, the last one
// counts: the map is then read once more, without those that are replaced.
func (r *reader) mapOf(n *node) outcome {
	start := r.pos
	result, replaced := r.pairs(n, nil)
	if replaced == nil || result == malformed {
		return result
	}
	n.pairs.Resize(n.pairs.Len() - 1)
	r.pos = start
	result, _ = r.pairs(n, replaced)
	return result
}

// pairs reads the members of a map, less those whose position is in skip. It
// returns the positions of members whose key comes again.
func (r *reader) pairs(n *node, skip map[int]bool) (result outcome, replaced map[int]bool) {
	n.pairs.Append()
	seen := keySet{keys: n.key.text, first: n.pairs.Start()}
	more, ok := r.open('}')
	for i := 0; more && ok; i++ {
		if _, ok = r.key(); !ok {
			return malformed, nil
		}
		if result == misfits || skip[i] {
			ok = r.skip()
		} else {
			if before := seen.add(r.text); before >= 0 {
				if replaced == nil {
					replaced = make(map[int]bool)
				}
				replaced[before] = true
			}
			switch r.value(n.value, r.peek(), n.pairs.Keys().Len()-1, nil) {
			case malformed:
				return malformed, nil
			case misfits:
				result = misfits
			case partly:
				result = partly
			case fits:
			}
		}
		if ok {
			more, ok = r.more('}')
		}
	}
	if !ok {
		return malformed, nil
	}
	return result, replaced
}

// keySet finds keys of a map that come again.
type keySet struct {
	keys  *column.String
	first int            // of the map's keys in the column
	index map[string]int // of maps that are not small
}

// add appends key to the column and returns the position in the map of the
// same key before it, -1 when there is none.
func (k *keySet) add(key []byte) (before int) {
	const small = 32
	n := k.keys.Len() - k.first
	before = -1
	if n >= small && k.index == nil {
		k.index = make(map[string]int, 2*n)
		for i := range n {
			k.index[string(k.keys.Value(k.first+i))] = i
		}
	}
	if k.index != nil {
		if i, again := k.index[string(key)]; again {
			before = i
		}
		k.index[string(key)] = n
	} else {
		for i := range n {
			if string(k.keys.Value(k.first+i)) == string(key) {
				before = i // of several, the last
			}
		}
	}
	k.keys.Append(key)
	return before
}
