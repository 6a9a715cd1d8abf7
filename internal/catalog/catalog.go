// Package catalog maps names to tables: catalog → schema → table or view.
//
// The catalog is one SQLite file in the workspace, which several processes may
// open at once. It holds names, locations and view texts; everything about a
// table's content is in the table's own Delta log. Names keep the spelling
// they were created with and match ignoring case.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite" // has the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// DefaultCatalog and DefaultSchema exist in every new catalog file and are
// where a session starts.
const (
	DefaultCatalog = "main"
	DefaultSchema  = "default"
)

// Catalog is an open catalog file. It is safe for concurrent use.
type Catalog struct {
	path string
	db   *sql.DB
	now  func() time.Time
}

// Name is a table's full name.
type Name struct {
	Catalog, Schema, Table string
}

func (n Name) String() string {
	return schema.QuoteIdent(n.Catalog) + "." + schema.QuoteIdent(n.Schema) + "." + schema.QuoteIdent(n.Table)
}

// Plain is the name without quotes, as event logs and reports have it.
func (n Name) Plain() string { return n.Catalog + "." + n.Schema + "." + n.Table }

// Schema is one schema of a catalog.
type Schema struct {
	Catalog, Name string
	Comment       string
	Location      string // where its managed tables go, "" for the workspace's default
	CreatedAt     time.Time
}

// Kind tells tables, streaming tables, views and materialized views apart.
type Kind string

// The kinds of entries.
const (
	KindTable            Kind = "TABLE"
	KindView             Kind = "VIEW"
	KindStreamingTable   Kind = "STREAMING_TABLE"
	KindMaterializedView Kind = "MATERIALIZED_VIEW"
)

// Table is one entry of a schema.
type Table struct {
	Name
	Kind     Kind
	Location string // URI of a table; "" for a view
	Managed  bool   // dropping the table deletes its files
	Text     string // SQL of a view, a streaming table or a materialized view
	Comment  string
	// Checkpoint is the URI of a streaming table's checkpoint.
	Checkpoint string
	CreatedAt  time.Time
}

const ddl = `
CREATE TABLE IF NOT EXISTS catalogs (
  name TEXT PRIMARY KEY COLLATE NOCASE, comment TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS schemas (
  catalog TEXT NOT NULL COLLATE NOCASE REFERENCES catalogs(name), name TEXT NOT NULL COLLATE NOCASE,
  comment TEXT NOT NULL DEFAULT '', location TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
  PRIMARY KEY (catalog, name)
);
CREATE TABLE IF NOT EXISTS tables (
  catalog TEXT NOT NULL COLLATE NOCASE, schema TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
  kind TEXT NOT NULL, location TEXT NOT NULL, managed INTEGER NOT NULL, text TEXT NOT NULL,
  comment TEXT NOT NULL, created_at INTEGER NOT NULL, checkpoint TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (catalog, schema, name),
  FOREIGN KEY (catalog, schema) REFERENCES schemas(catalog, name)
);`

// Open opens the catalog file at path, creating it with the default catalog
// and schema if it is not there. The directory must exist. now tells the time
// of creations.
func Open(ctx context.Context, path string, now func() time.Time) (*Catalog, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
		"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	c := &Catalog{path: path, db: db, now: now}
	if err := c.init(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %w", c.unusable(err)), db.Close())
	}
	return c, nil
}

// unusable says which catalog an error of the database is of, and when the
// disk is full.
func (c *Catalog) unusable(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE: // no room for the log or its index
			err = fmt.Errorf("%w: %w", err, syscall.ENOSPC)
		}
	}
	return fmt.Errorf("catalog %s: %w", c.path, err)
}

func (c *Catalog) init(ctx context.Context) error {
	var columns int
	err := c.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM pragma_table_info('tables')) + (SELECT count(*) FROM pragma_table_info('flows'))").Scan(&columns)
	if err != nil || columns == tableWidth+flowWidth {
		return err
	}
	return c.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, ddl+flowDDL); err != nil {
			return err
		}
		if err := upgrade(ctx, tx); err != nil {
			return err
		}
		at := c.now().UnixMicro()
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO catalogs (name, created_at) VALUES (?, ?)", DefaultCatalog, at); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO schemas (catalog, name, created_at) VALUES (?, ?, ?)", DefaultCatalog, DefaultSchema, at)
		return err
	})
}

// tableWidth is how many columns the table of tables has.
const tableWidth = 10

// upgrade adds what catalogs of earlier versions lack.
func upgrade(ctx context.Context, tx *sql.Tx) error {
	var columns int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info('tables') WHERE name = 'checkpoint'").Scan(&columns)
	if err != nil || columns > 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, "ALTER TABLE tables ADD COLUMN checkpoint TEXT NOT NULL DEFAULT ''")
	return err
}

func (c *Catalog) inTx(ctx context.Context, body func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := body(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close releases the file.
func (c *Catalog) Close() error { return c.db.Close() }

// Catalogs returns the names of all catalogs, sorted.
func (c *Catalog) Catalogs(ctx context.Context) ([]string, error) {
	return collect(ctx, c, func(r *sql.Rows) (name string, err error) { return name, r.Scan(&name) },
		"SELECT name FROM catalogs ORDER BY name")
}

// HasCatalog reports whether a catalog of that name exists.
func (c *Catalog) HasCatalog(ctx context.Context, name string) (bool, error) {
	var n int
	err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM catalogs WHERE name = ?", name).Scan(&n)
	return n > 0, c.unusable(err)
}

// CreateSchema adds a schema; it is an error of class SCHEMA_ALREADY_EXISTS
// when one of that name is there.
func (c *Catalog) CreateSchema(ctx context.Context, s Schema) error {
	ok, err := c.HasCatalog(ctx, s.Catalog)
	if err != nil {
		return err
	}
	if !ok {
		return noCatalog(s.Catalog)
	}
	n, err := c.change(ctx,
		"INSERT INTO schemas (catalog, name, comment, location, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		s.Catalog, s.Name, s.Comment, s.Location, c.now().UnixMicro())
	if err == nil && n == 0 {
		err = errclass.New("SCHEMA_ALREADY_EXISTS", "42P06",
			"Cannot create schema %s because it already exists. Choose a different name, drop or replace the existing schema, or add the IF NOT EXISTS clause.",
			schemaName(s.Catalog, s.Name))
	}
	return err
}

const schemaColumns = "catalog, name, comment, location, created_at"

func scanSchema(scan func(...any) error) (s Schema, err error) {
	var at int64
	err = scan(&s.Catalog, &s.Name, &s.Comment, &s.Location, &at)
	s.CreatedAt = time.UnixMicro(at).UTC()
	return s, err
}

// Schema returns one schema; the error's class is SCHEMA_NOT_FOUND when there
// is none.
func (c *Catalog) Schema(ctx context.Context, catalogName, name string) (Schema, error) {
	row := c.db.QueryRowContext(ctx, "SELECT "+schemaColumns+" FROM schemas WHERE catalog = ? AND name = ?", catalogName, name)
	s, err := scanSchema(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		if ok, err := c.HasCatalog(ctx, catalogName); err == nil && !ok {
			return Schema{}, noCatalog(catalogName)
		}
		return Schema{}, errclass.New("SCHEMA_NOT_FOUND", "42704",
			"The schema %s cannot be found. Verify the spelling and correctness of the schema and catalog, or create it with CREATE SCHEMA.",
			schemaName(catalogName, name))
	}
	return s, c.unusable(err)
}

// Schemas returns the schemas of a catalog, sorted by name.
func (c *Catalog) Schemas(ctx context.Context, catalogName string) ([]Schema, error) {
	return collect(ctx, c, func(r *sql.Rows) (Schema, error) { return scanSchema(r.Scan) },
		"SELECT "+schemaColumns+" FROM schemas WHERE catalog = ? ORDER BY name", catalogName)
}

// DropSchema removes a schema. One that still has tables is an error of class
// SCHEMA_NOT_EMPTY; drop the tables first.
func (c *Catalog) DropSchema(ctx context.Context, catalogName, name string) error {
	if _, err := c.Schema(ctx, catalogName, name); err != nil {
		return err
	}
	tables, err := c.Tables(ctx, catalogName, name)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return errclass.New("SCHEMA_NOT_EMPTY", "2BP01",
			"Cannot drop a schema %s because it contains objects. Use DROP SCHEMA ... CASCADE to drop the schema and all its objects.",
			schemaName(catalogName, name))
	}
	_, err = c.change(ctx, "DELETE FROM schemas WHERE catalog = ? AND name = ?", catalogName, name)
	return err
}

// Create adds a table or view. When its name is taken the error's class is
// TABLE_OR_VIEW_ALREADY_EXISTS.
func (c *Catalog) Create(ctx context.Context, t Table) error {
	if _, err := c.Schema(ctx, t.Catalog, t.Schema); err != nil {
		return err
	}
	n, err := c.change(ctx,
		"INSERT INTO tables ("+tableColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		t.Catalog, t.Schema, t.Table, t.Kind, t.Location, t.Managed, t.Text, t.Comment, c.now().UnixMicro(), t.Checkpoint)
	if err == nil && n == 0 {
		err = AlreadyExists(t.Name)
	}
	return err
}

// Update replaces the entry of t's name, keeping its creation time.
func (c *Catalog) Update(ctx context.Context, t Table) error {
	n, err := c.change(ctx,
		"UPDATE tables SET kind = ?, location = ?, managed = ?, text = ?, comment = ?, checkpoint = ? WHERE catalog = ? AND schema = ? AND name = ?",
		t.Kind, t.Location, t.Managed, t.Text, t.Comment, t.Checkpoint, t.Catalog, t.Schema, t.Table)
	if err == nil && n == 0 {
		err = NotFound(t.Name)
	}
	return err
}

const tableColumns = "catalog, schema, name, kind, location, managed, text, comment, created_at, checkpoint"

func scanTable(scan func(...any) error) (t Table, err error) {
	var at int64
	err = scan(&t.Catalog, &t.Schema, &t.Table, &t.Kind, &t.Location, &t.Managed, &t.Text, &t.Comment, &at, &t.Checkpoint)
	t.CreatedAt = time.UnixMicro(at).UTC()
	return t, err
}

// Table returns the entry of a name; the error's class is
// TABLE_OR_VIEW_NOT_FOUND when there is none.
func (c *Catalog) Table(ctx context.Context, n Name) (Table, error) {
	row := c.db.QueryRowContext(ctx, "SELECT "+tableColumns+" FROM tables WHERE catalog = ? AND schema = ? AND name = ?",
		n.Catalog, n.Schema, n.Table)
	t, err := scanTable(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Table{}, NotFound(n)
	}
	return t, c.unusable(err)
}

// Tables returns the entries of a schema, sorted by name.
func (c *Catalog) Tables(ctx context.Context, catalogName, schemaName string) ([]Table, error) {
	return collect(ctx, c, func(r *sql.Rows) (Table, error) { return scanTable(r.Scan) },
		"SELECT "+tableColumns+" FROM tables WHERE catalog = ? AND schema = ? ORDER BY name", catalogName, schemaName)
}

// Texts returns the texts of all entries of some kinds.
func (c *Catalog) Texts(ctx context.Context, kinds ...Kind) (map[Name]string, error) {
	args := make([]any, len(kinds))
	for i, k := range kinds {
		args[i] = k
	}
	type entry struct {
		name Name
		text string
	}
	entries, err := collect(ctx, c, func(r *sql.Rows) (e entry, err error) {
		return e, r.Scan(&e.name.Catalog, &e.name.Schema, &e.name.Table, &e.text)
	}, "SELECT catalog, schema, name, text FROM tables WHERE kind IN (?"+strings.Repeat(", ?", len(kinds)-1)+")", args...)
	texts := make(map[Name]string, len(entries))
	for _, e := range entries {
		texts[e.name] = e.text
	}
	return texts, err
}

// Drop removes the entry of a name; its files are the caller's to delete.
func (c *Catalog) Drop(ctx context.Context, n Name) error {
	rows, err := c.change(ctx, "DELETE FROM tables WHERE catalog = ? AND schema = ? AND name = ?",
		n.Catalog, n.Schema, n.Table)
	if err == nil && rows == 0 {
		err = NotFound(n)
	}
	return err
}

// NotFound is the error for a name that has no table or view.
func NotFound(n Name) error {
	return errclass.New("TABLE_OR_VIEW_NOT_FOUND", "42P01",
		"The table or view %s cannot be found. Verify the spelling and correctness of the schema and catalog. "+
			"To tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.", n)
}

// AlreadyExists is the error for a name that is taken.
func AlreadyExists(n Name) error {
	return errclass.New("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07",
		"Cannot create table or view %s because it already exists. "+
			"Choose a different name, drop or replace the existing object, or add the IF NOT EXISTS clause.", n)
}

func noCatalog(name string) error {
	return errclass.New("CATALOG_NOT_FOUND", "42P08", "The catalog %s not found. Verify the spelling; SHOW CATALOGS lists them.",
		schema.QuoteIdent(name))
}

func schemaName(catalogName, name string) string {
	return strings.Join([]string{schema.QuoteIdent(catalogName), schema.QuoteIdent(name)}, ".")
}

// change runs a statement and returns how many rows it changed.
func (c *Catalog) change(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	result, err := c.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, c.unusable(err)
	}
	return result.RowsAffected()
}

func collect[T any](ctx context.Context, c *Catalog, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := c.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.unusable(err)
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, c.unusable(err)
		}
		out = append(out, v)
	}
	return out, c.unusable(rows.Err())
}
