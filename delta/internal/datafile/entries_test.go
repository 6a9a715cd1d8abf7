package datafile

import (
	"fmt"
	"testing"
)

func TestEntries(t *testing.T) {
	e := newEntries()
	const n = 10_000 // the table grows
	for round := range 2 {
		for i := range n {
			value := fmt.Append(nil, "value ", i*i)
			if i == 7 {
				value = nil
			}
			code, added := e.add(value)
			if code != int32(i) || added != (round == 0) {
				t.Fatalf("round %d: value %d has code %d, added %t", round, i, code, added)
			}
			if string(e.at(code)) != string(value) {
				t.Fatalf("code %d is %q, want %q", code, e.at(code), value)
			}
		}
	}
	if e.len() != n || len(e.offsets) != n+1 {
		t.Errorf("got %d entries with %d offsets, want %d", e.len(), len(e.offsets), n)
	}
}
