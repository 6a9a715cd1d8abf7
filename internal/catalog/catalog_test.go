package catalog_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, path string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), path, func() time.Time { return epoch })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func class(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass()
	}
	return ""
}

func TestNamesMatchIgnoringCase(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "catalog.db"))
	name := catalog.Name{Catalog: "main", Schema: "default", Table: "Sensor Data"}
	if err := c.Create(t.Context(), catalog.Table{Name: name, Kind: catalog.KindTable, Location: "file:///t", Managed: true}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Table(t.Context(), catalog.Name{Catalog: "MAIN", Schema: "Default", Table: "SENSOR data"})
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Table{Name: name, Kind: catalog.KindTable, Location: "file:///t", Managed: true, CreatedAt: epoch}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := c.Create(t.Context(), catalog.Table{Name: got.Name}); class(err) != "TABLE_OR_VIEW_ALREADY_EXISTS" {
		t.Errorf("second create: %v", err)
	}
}

func TestErrorsNameTheirClass(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "catalog.db"))
	ctx := t.Context()
	if err := c.Create(ctx, catalog.Table{Name: catalog.Name{Catalog: "main", Schema: "default", Table: "t"}, Kind: catalog.KindTable}); err != nil {
		t.Fatal(err)
	}
	_, noTable := c.Table(ctx, catalog.Name{Catalog: "main", Schema: "default", Table: "x"})
	_, noSchema := c.Schema(ctx, "main", "x")
	_, noCatalog := c.Schema(ctx, "x", "y")
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"table", noTable, "TABLE_OR_VIEW_NOT_FOUND"},
		{"schema", noSchema, "SCHEMA_NOT_FOUND"},
		{"catalog", noCatalog, "CATALOG_NOT_FOUND"},
		{"schema of unknown catalog", c.CreateSchema(ctx, catalog.Schema{Catalog: "x", Name: "y"}), "CATALOG_NOT_FOUND"},
		{"second schema", c.CreateSchema(ctx, catalog.Schema{Catalog: "main", Name: "DEFAULT"}), "SCHEMA_ALREADY_EXISTS"},
		{"drop full schema", c.DropSchema(ctx, "main", "default"), "SCHEMA_NOT_EMPTY"},
		{"drop unknown table", c.Drop(ctx, catalog.Name{Catalog: "main", Schema: "default", Table: "x"}), "TABLE_OR_VIEW_NOT_FOUND"},
		{"table in unknown schema", c.Create(ctx, catalog.Table{Name: catalog.Name{Catalog: "main", Schema: "x", Table: "t"}}), "SCHEMA_NOT_FOUND"},
	} {
		if got := class(tc.err); got != tc.want {
			t.Errorf("%s: class %q (%v), want %s", tc.name, got, tc.err, tc.want)
		}
	}
}

// Several processes open one workspace: each open handle here stands for one.
func TestConcurrentOpensAgreeOnOneWinner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name?#.db")
	const n = 8
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			c, err := catalog.Open(t.Context(), path, time.Now)
			if err != nil {
				errs[i] = err
				return
			}
			defer func() { _ = c.Close() }()
			errs[i] = c.CreateSchema(t.Context(), catalog.Schema{Catalog: "main", Name: "bronze"})
		})
	}
	wg.Wait()
	created := 0
	for _, err := range errs {
		switch {
		case err == nil:
			created++
		case class(err) != "SCHEMA_ALREADY_EXISTS":
			t.Errorf("unexpected error: %v", err)
		}
	}
	if created != 1 {
		t.Errorf("%d creations succeeded, want 1", created)
	}
}
