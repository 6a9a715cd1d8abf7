// Package pipeline runs declarative pipelines: files of SQL statements that
// define streaming tables, materialized views and views, in the order that
// their queries ask for.
package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// Pipeline is the statements of some files. It is immutable once loaded.
type Pipeline struct {
	Name string
	// Datasets are in an order in which each comes after what it reads.
	Datasets []*Dataset
	// schemas are the CREATE SCHEMA statements, which run first.
	schemas []statement
	paths   []string // of its files and folders
	flows   []flow
}

// Dataset is what one statement defines.
type Dataset struct {
	// Name is full but for temporary views, which have a name of one part.
	Name catalog.Name
	// Kind is that of the catalog; that of temporary views is KindView too.
	Kind      catalog.Kind
	Temporary bool
	// Inputs are the datasets of the pipeline that the query reads.
	Inputs []*Dataset

	statement
	definition *sql.Dataset // nil of views
	settings   []statement  // USE and SET that the file has before it
	reads      []reference
	flows      []*sql.CreateFlow // into it, when it has no query
}

// String is the name as reports show it.
func (d *Dataset) String() string {
	if d.Temporary {
		return d.Name.Table
	}
	return d.Name.Plain()
}

// refreshed reports whether running the dataset writes rows.
func (d *Dataset) refreshed() bool { return d.definition != nil }

// statement is a statement and where it stands.
type statement struct {
	sql.Statement
	file string
	text string // of the file
}

// anew parses the statement anew. A session changes what it runs, and several
// sessions at once run a view.
func (s statement) anew() (sql.Statement, error) {
	all, err := sql.Parse(s.text)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(other sql.Statement) bool { return other.Pos() == s.Pos() })
	if at < 0 {
		return nil, fmt.Errorf("no statement of %s begins where %s does", s.file, s)
	}
	withoutLive(all[at])
	return all[at], nil
}

// Error is an error about a place in a file of a pipeline.
type Error struct {
	File string
	Line int // from 1 on
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// at places an error at a range of the statement's file.
func (s statement) at(r sql.Range, err error) error {
	line, _ := sql.Position(s.text, r.Start)
	return &Error{File: s.file, Line: line, Err: err}
}

// reference is a table that a query names.
type reference struct {
	name catalog.Name
	at   *sql.Name
}

// Load reads the pipeline of some files and folders: of a folder all that end
// in .sql, those of its folders too, by name. Every error found is part of the
// one returned; each is an [*Error] where it has a place.
func Load(name string, paths []string) (*Pipeline, error) {
	var files []string
	for _, path := range paths {
		found, err := sqlFiles(path)
		if err != nil {
			return nil, fmt.Errorf("read pipeline: %w", err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read pipeline: no .sql files in %s", strings.Join(paths, ", "))
	}
	p := &Pipeline{Name: name, paths: paths}
	var errs []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read pipeline: %w", err)
		}
		errs = append(errs, p.add(file, string(text)))
	}
	err := errors.Join(errs...)
	if _, unread := errors.AsType[*sql.Error](err); !unread { // what a file defines that cannot be read is not known
		err = errors.Join(err, p.connect())
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// fingerprint tells states of the pipeline's files apart, without reading them.
func (p *Pipeline) fingerprint() string {
	var state strings.Builder
	for _, path := range p.paths {
		files, err := sqlFiles(path)
		if err != nil {
			fmt.Fprintf(&state, "%s: %v\n", path, err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				fmt.Fprintf(&state, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return state.String()
}

func sqlFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.EqualFold(filepath.Ext(file), ".sql") {
			files = append(files, file)
		}
		return err
	})
	return files, err
}

// scope is where the names of a file's statements are looked up.
type scope struct {
	catalog, schema string
	settings        []statement
}

// add takes in the statements of a file.
func (p *Pipeline) add(file, text string) error {
	statements, err := sql.Parse(text)
	if err != nil {
		whole := statement{file: file, text: text}
		if e, ok := errors.AsType[*sql.Error](err); ok {
			return whole.at(e.Range, err)
		}
		return whole.at(sql.Range{}, err)
	}
	in := &scope{catalog: catalog.DefaultCatalog, schema: catalog.DefaultSchema}
	var errs []error
	for _, stmt := range statements {
		errs = append(errs, p.take(in, statement{stmt, file, text}))
	}
	return errors.Join(errs...)
}

// live is the schema whose tables were those of the pipeline, in older ones.
const live = "LIVE"

// withoutLive takes the schema LIVE from the names of a statement.
func withoutLive(stmt sql.Statement) {
	plain := func(n *sql.Name) {
		if n != nil && len(n.Parts) == 2 && strings.EqualFold(n.Parts[0], live) {
			n.Parts = n.Parts[1:]
		}
	}
	if flow, ok := stmt.(*sql.CreateFlow); ok {
		plain(flow.Target())
	}
	sql.Inspect(stmt, func(n sql.Node) bool {
		if t, ok := n.(*sql.Table); ok {
			plain(t.Name)
		}
		return true
	})
}

// take takes in one statement.
func (p *Pipeline) take(in *scope, s statement) error {
	withoutLive(s.Statement)
	switch stmt := s.Statement.(type) {
	case *sql.Use:
		in.use(stmt)
		in.settings = append(slices.Clip(in.settings), s)
		return nil
	case *sql.Set, *sql.Reset:
		in.settings = append(slices.Clip(in.settings), s)
		return nil
	case *sql.CreateSchema:
		stmt.IfNotExists = true
		p.schemas = append(p.schemas, s)
		return nil
	case *sql.CreateView:
		stmt.OrReplace, stmt.IfNotExists = true, false
		d := &Dataset{Kind: catalog.KindView, Temporary: stmt.Temporary, statement: s}
		return p.define(in, d, stmt.Name, stmt.Query)
	case *sql.CreateFlow:
		return p.takeFlow(in, s, stmt)
	case *sql.CreateStreamingTable:
		stmt.OrRefresh = true
	case *sql.CreateMaterializedView:
		stmt.OrRefresh, stmt.OrReplace = true, false
	}
	kind, def, ok := dataset.Definition(s.Statement)
	if !ok {
		return s.at(s.Pos(), errclass.New("UNSUPPORTED_STATEMENT", "0A000",
			"A pipeline defines streaming tables, flows, materialized views and views, with CREATE SCHEMA, USE and SET; run other statements by freshet sql."))
	}
	def.IfNotExists = false
	q := def.Query
	if def.Flow != nil {
		q = def.Flow.Reads()
	}
	return p.define(in, &Dataset{Kind: kind, definition: def, statement: s}, def.Name, q)
}

// define adds a dataset.
func (p *Pipeline) define(in *scope, d *Dataset, name *sql.Name, q *sql.Query) error {
	full, ok := in.resolve(name)
	if !ok {
		return d.at(name.Pos(), errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05", "The name %s is to have one to three parts.", name))
	}
	if d.Name = full; d.Temporary {
		d.Name = catalog.Name{Table: name.Parts[len(name.Parts)-1]}
	}
	for _, other := range p.Datasets {
		if key(other.Name) == key(d.Name) {
			line, _ := sql.Position(other.text, other.Pos().Start)
			return d.at(name.Pos(), errclass.New("DUPLICATE_DATASET", "42710", "%s is defined twice; first at %s:%d.", d, other.file, line))
		}
	}
	d.settings = in.settings
	if q != nil {
		d.reads = references(in, q)
	}
	p.Datasets = append(p.Datasets, d)
	return nil
}

// use follows a USE statement.
func (s *scope) use(stmt *sql.Use) {
	parts := stmt.Name.Parts
	switch {
	case len(parts) == 0: // by an expression, which only a session knows
	case stmt.Kind == "CATALOG":
		s.catalog, s.schema = parts[0], catalog.DefaultSchema
	case len(parts) == 1:
		s.schema = parts[0]
	default:
		s.catalog, s.schema = parts[0], parts[1]
	}
}

// resolve returns the full name of a table.
func (s *scope) resolve(n *sql.Name) (catalog.Name, bool) {
	switch parts := n.Parts; len(parts) {
	case 1:
		return catalog.Name{Catalog: s.catalog, Schema: s.schema, Table: parts[0]}, true
	case 2:
		return catalog.Name{Catalog: s.catalog, Schema: parts[0], Table: parts[1]}, true
	case 3:
		return catalog.Name{Catalog: parts[0], Schema: parts[1], Table: parts[2]}, true
	}
	return catalog.Name{}, false
}

// key is a name as names are compared.
func key(n catalog.Name) string {
	return strings.ToLower(n.Catalog + "\x00" + n.Schema + "\x00" + n.Table)
}

// references returns the tables that a query names, streams among them.
func references(in *scope, q *sql.Query) []reference {
	local := map[string]bool{}
	sql.Inspect(q, func(n sql.Node) bool {
		if c, ok := n.(*sql.CommonTable); ok {
			local[strings.ToLower(c.Name)] = true
		}
		return true
	})
	var found []reference
	sql.Inspect(q, func(n sql.Node) bool {
		t, ok := n.(*sql.Table)
		if !ok {
			return true
		}
		if _, _, path := t.Name.Path(); path || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
			return true
		}
		if full, ok := in.resolve(t.Name); ok {
			found = append(found, reference{full, t.Name})
		}
		return true
	})
	return found
}
