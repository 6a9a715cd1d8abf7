package mem_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
)

func TestContract(t *testing.T) {
	objecttest.Run(t, func(*testing.T) object.Store { return mem.New(nil) })
}

func TestClockDatesObjects(t *testing.T) {
	at := time.Date(2021, 1, 1, 0, 0, 0, 1000, time.UTC)
	st := mem.New(func() time.Time { return at })
	if err := st.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	o, err := st.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.ModTime(), at.UnixMicro(); got != want {
		t.Errorf("ModTime %d, want %d", got, want)
	}
}
