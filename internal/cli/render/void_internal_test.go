package render

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// TestVoidIsNull: a column of type VOID, which Spark makes of SELECT NULL AS v,
// holds NULLs.
func TestVoidIsNull(t *testing.T) {
	if got := string(appendJSON(nil, array.NewNull(2), 1)); got != "null" {
		t.Errorf("got %s, want null", got)
	}
}
