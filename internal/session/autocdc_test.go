package session_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// changes is a stream of the files of the workspace, each a batch.
const changes = "STREAM read_files('$IN', format => 'json', schema => 'userId INT, name STRING, city STRING, operation STRING, sequenceNum BIGINT', maxFilesPerTrigger => 1)"

const (
	byUser   = " KEYS (userId) APPLY AS DELETE WHEN operation = 'DELETE' "
	bySeq    = " SEQUENCE BY sequenceNum COLUMNS * EXCEPT (operation, sequenceNum) "
	truncate = " APPLY AS TRUNCATE WHEN operation = 'TRUNCATE' "
)

// changeVector is the input of the vectors of semantics §13.3.
var changeVector = []string{
	`{"userId":124,"name":"Raul","city":"Oaxaca","operation":"INSERT","sequenceNum":1}`,
	`{"userId":123,"name":"Isabel","city":"Monterrey","operation":"INSERT","sequenceNum":1}`,
	`{"userId":125,"name":"Mercedes","city":"Tijuana","operation":"INSERT","sequenceNum":2}`,
	`{"userId":126,"name":"Lily","city":"Cancun","operation":"INSERT","sequenceNum":2}`,
	`{"userId":123,"operation":"DELETE","sequenceNum":6}`,
	`{"userId":125,"name":"Mercedes","city":"Guadalajara","operation":"UPDATE","sequenceNum":6}`,
	`{"userId":125,"name":"Mercedes","city":"Mexicali","operation":"UPDATE","sequenceNum":5}`,
	`{"userId":123,"name":"Isabel","city":"Chihuahua","operation":"UPDATE","sequenceNum":5}`,
}

// TestAssertion53_VectorsOfAutoCDC: whatever order and batches the changes of
// the vectors come in, the table ends with the same rows.
func TestAssertion53_VectorsOfAutoCDC(t *testing.T) {
	for name, tt := range map[string]struct {
		clauses string
		also    []string
		want    []string
	}{
		"type 1": {byUser + bySeq, nil, []string{"124|Raul|Oaxaca", "125|Mercedes|Guadalajara", "126|Lily|Cancun"}},
		"type 1 truncated": {
			byUser + truncate + bySeq, []string{`{"operation":"TRUNCATE","sequenceNum":3}`}, []string{"125|Mercedes|Guadalajara"},
		},
		"type 2": {byUser + bySeq + "STORED AS SCD TYPE 2", nil, []string{
			"123|Isabel|Chihuahua|5|6", "123|Isabel|Monterrey|1|5", "124|Raul|Oaxaca|1|NULL", "125|Mercedes|Guadalajara|6|NULL",
			"125|Mercedes|Mexicali|5|6", "125|Mercedes|Tijuana|2|5", "126|Lily|Cancun|2|NULL",
		}},
		"type 2 tracked": {byUser + bySeq + "STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (city)", nil, []string{
			"123|Isabel|Chihuahua|1|6", "124|Raul|Oaxaca|1|NULL", "125|Mercedes|Guadalajara|2|NULL", "126|Lily|Cancun|2|NULL",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				rng := rand.New(rand.NewPCG(seed, 53))
				w := newWorkspace(t)
				w.rows("CREATE STREAMING TABLE t")
				lines := append(append([]string{}, changeVector...), tt.also...)
				if seed > 0 {
					rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
				}
				for n := 0; len(lines) > 0; n++ {
					size := 1 + rng.IntN(len(lines))
					w.file(fmt.Sprintf("%02d.json", n), strings.Join(lines[:size], "\n"))
					lines = lines[size:]
				}
				w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM " + changes + tt.clauses)
				w.want("SELECT * FROM t", tt.want...)
				w.want("REFRESH TABLE t", "0|0")
				w.rows("REFRESH TABLE t FULL")
				w.want("SELECT * FROM t", tt.want...)
			}
		})
	}
}
