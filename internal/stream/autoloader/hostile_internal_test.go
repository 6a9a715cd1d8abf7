package autoloader

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/mem"
)

func refused(err error, file string) bool {
	c, ok := errors.AsType[errclass.Classified](err)
	return ok && c.ErrorClass() == "STREAMING_CHECKPOINT_CORRUPT" && strings.Contains(err.Error(), file)
}

// TestOffsetsOfNoFiles: numbers in an offset that no run has written are
// refused, whatever they are.
func TestOffsetsOfNoFiles(t *testing.T) {
	for _, text := range []string{`{"seqNum":-1}`, `{"seqNum":9223372036854775807}`, `{"seqNum":1e300}`, `[]`, `"` + strings.Repeat("x", 1<<20) + `"`} {
		if _, err := End(json.RawMessage(text)); !refused(err, "offsets/") || len(err.Error()) > 2000 {
			t.Errorf("%.40s: got %.200v", text, err)
		}
	}
	if n, err := End(json.RawMessage(`{"seqNum":7}`)); err != nil || n != 7 {
		t.Errorf("got %d, %v", n, err)
	}
}

// TestSchemaNumbers: a schema of a number after which there is no next one is
// refused, and files that are called otherwise are none.
func TestSchemaNumbers(t *testing.T) {
	for name, never := range map[string]bool{"9223372036854775807": true, "99999999999999999999": true, "07": false, "-1": false, "0.tmp": false} {
		l := &schemaLog{store: mem.New(nil), prefix: "at/"}
		if err := l.store.Put(t.Context(), "at/_schemas/"+name, []byte("v1\n{}")); err != nil {
			t.Fatal(err)
		}
		s, err := l.last(t.Context())
		if never && !refused(err, name) || !never && (err != nil || s != nil) {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
}

// TestListingNotes: notes that would put off full listings for ever are not
// relied upon.
func TestListingNotes(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		notes listing
		sound bool
	}{
		{listing{}, true},
		{listing{Incremental: 6, Lexical: 9, BackfillStart: now.UnixMilli()}, true},
		{listing{Incremental: math.MinInt}, false},
		{listing{Lexical: -1}, false},
		{listing{BackfillStart: math.MaxInt64}, false},
		{listing{BackfillStart: -1}, false},
	} {
		if got := c.notes.sound(now); got != c.sound {
			t.Errorf("%+v: sound is %t", c.notes, got)
		}
	}
}

// FuzzSchema reads schemas that somebody has made up.
func FuzzSchema(f *testing.F) {
	for _, seed := range []string{"", "v1", "v1\n{}", "v2\n{}", `v1` + "\n" + `{"dataSchemaJson":"{\"type\":\"struct\",\"fields\":[]}","partitionSchemaJson":"null"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, err := decodeSchema(body); err == nil && (s.data == nil || s.partitions == nil) {
			t.Errorf("a schema without columns")
		}
	})
}
