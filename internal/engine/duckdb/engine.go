//go:build duckdb_arrow

// Package duckdb is the embedded engine: DuckDB in this process, reading and
// returning Arrow. It is the only package that imports DuckDB's bindings.
//
// An [Engine] is one in-memory database. It spills to Config.TempDir beyond
// Config.MemoryLimit and touches nothing else: no file, no network, no
// extension is installed or loaded. The extensions linked into the library
// are core_functions, icu (time zones), json, parquet and autocomplete.
//
// Queries are in DuckDB's dialect with two settings of Spark's: NULLs order
// first ascending and last descending, and the session time zone is
// Config.TimeZone or that of [Engine.InZone]. Beyond DuckDB's functions they may call those of
// prelude.sql and udf_spark.go, whose names begin with spark_ and which
// internal/sql's printer and function table refer to.
//
// Rows keep the order of the input where the query does not order them. That
// makes a query that only filters and computes columns run on one thread,
// while aggregates, joins and sorts use all of them.
package duckdb

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/engine"
)

// prelude defines the macros that queries may call beyond DuckDB's functions.
//
//go:embed prelude.sql
var prelude string

// Config sets the limits of an engine. The zero value is useful.
type Config struct {
	MemoryLimit int64  // bytes; 0 leaves DuckDB's own limit, 80 % of the machine's memory
	Threads     int    // 0 means GOMAXPROCS
	TempDir     string // where it spills; "" means a directory of its own under os.TempDir, removed by Close
	TimeZone    string // session time zone, an IANA name; "" means UTC
}

// Engine is an embedded DuckDB. It is safe for concurrent use.
type Engine struct {
	db      bindings.Database
	scans   *scans
	handles []*handle // what DuckDB's callbacks refer to
	ownTemp string    // temporary directory to remove, or ""
}

var _ engine.Engine = (*Engine)(nil)

// Open starts an engine. Close it when no query runs any more.
func Open(cfg Config) (*Engine, error) {
	e := &Engine{}
	if cfg.TempDir == "" {
		dir, err := os.MkdirTemp("", "freshet-engine-")
		if err != nil {
			return nil, fmt.Errorf("create engine's temporary directory: %w", err)
		}
		cfg.TempDir, e.ownTemp = dir, dir
	}
	if err := e.open(cfg); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if err := e.prepare(cfg); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close ends the engine and removes its temporary directory.
func (e *Engine) Close() error {
	if e.scans != nil {
		e.scans.conn.close()
	}
	bindings.Close(&e.db)
	for _, h := range e.handles {
		h.free()
	}
	if e.ownTemp == "" {
		return nil
	}
	if err := os.RemoveAll(e.ownTemp); err != nil {
		return fmt.Errorf("remove engine's temporary directory: %w", err)
	}
	return nil
}

func (e *Engine) open(cfg Config) error {
	var c bindings.Config
	if bindings.CreateConfig(&c) == bindings.StateError {
		return errors.New("configure engine: out of memory")
	}
	defer bindings.DestroyConfig(&c)
	threads := cfg.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	settings := [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"temp_directory", cfg.TempDir},
		{"threads", strconv.Itoa(threads)},
		{"default_null_order", "nulls_first_on_asc_last_on_desc"},
	}
	if cfg.MemoryLimit > 0 {
		settings = append(settings, [2]string{"memory_limit", strconv.FormatInt(cfg.MemoryLimit, 10) + "B"})
	}
	for _, s := range settings {
		if bindings.SetConfig(c, s[0], s[1]) == bindings.StateError {
			return fmt.Errorf("configure engine: set %s to %q", s[0], s[1])
		}
	}
	var text string
	if bindings.OpenExt(":memory:", &e.db, c, &text) == bindings.StateError {
		return fmt.Errorf("open engine: %s", text)
	}
	return nil
}

// prepare runs what must follow opening: the time zone belongs to an
// extension, and what needs files comes before they are out of reach for good.
func (e *Engine) prepare(cfg Config) error {
	c, err := e.connect()
	if err != nil {
		return err
	}
	e.scans = &scans{conn: c}
	if err := e.scans.register(e.handle(e.scans)); err != nil {
		return err
	}
	for _, table := range []map[string][]*function{functions, regexpFunctions, numberFunctions, decimalFunctions, intervalFunctions, variantFunctions} {
		for name, overloads := range table {
			if err := register(c, name, overloads, e.handle); err != nil {
				return err
			}
		}
	}
	zone := cfg.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	statements := []string{
		"SET GLOBAL TimeZone = " + quoteString(zone),
		prelude,
		"SET GLOBAL enable_external_access = false",
		"SET GLOBAL allowed_configs = ['TimeZone']",
		"SET GLOBAL lock_configuration = true",
	}
	for _, s := range statements {
		if err := c.exec(s); err != nil {
			return fmt.Errorf("configure engine: %w", err)
		}
	}
	return nil
}

func (e *Engine) handle(value any) *handle {
	h := newHandle(value)
	e.handles = append(e.handles, h)
	return h
}

// conn is one connection, used by one query.
type conn struct {
	c bindings.Connection
}

func (e *Engine) connect() (*conn, error) {
	var c bindings.Connection
	if bindings.Connect(e.db, &c) == bindings.StateError {
		return nil, errors.New("connect to engine: the engine is closed or out of memory")
	}
	return &conn{c: c}, nil
}

func (c *conn) close() { bindings.Disconnect(&c.c) }

// exec runs statements that return nothing.
func (c *conn) exec(statements string) error {
	var res bindings.Result
	defer bindings.DestroyResult(&res)
	if bindings.Query(c.c, statements, &res) == bindings.StateError {
		return newError(bindings.ResultError(&res))
	}
	return nil
}
