package object_test

import (
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
)

func TestUnderKeepsContract(t *testing.T) {
	objecttest.Run(t, func(t *testing.T) object.Store {
		t.Helper()
		whole := mem.New(nil)
		if err := whole.Put(t.Context(), "other/key", []byte("x")); err != nil {
			t.Fatal(err)
		}
		return object.Under(whole, "some/dir/")
	})
}
