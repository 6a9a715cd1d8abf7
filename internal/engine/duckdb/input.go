//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/engine"
)

// scanFunction is the table function that the views of inputs call.
//
// DuckDB's own scan of an Arrow stream (duckdb_arrow_scan) will not do: it
// takes it that the stream applies the filters and columns asked for, which a
// plain stream does not, and two scans of one stream share its rows. Both give
// wrong rows without an error.
const scanFunction = "freshet_scan"

// scanID numbers the scans of an engine.
type scanID int64

// scans are the inputs of the running queries of one engine, as DuckDB's
// callbacks find them.
type scans struct {
	conn *conn // converts between Arrow and DuckDB; runs nothing

	mu   sync.Mutex
	last scanID
	byID map[scanID]*scan
}

// register makes the scan function known.
func (a *scans) register(h *handle) error {
	a.byID = map[scanID]*scan{}
	f := bindings.CreateTableFunction()
	defer bindings.DestroyTableFunction(&f)
	bindings.TableFunctionSetName(f, scanFunction)
	id := bindings.CreateLogicalType(bindings.TypeBigInt)
	defer bindings.DestroyLogicalType(&id)
	bindings.TableFunctionAddParameter(f, id)
	bindings.TableFunctionSetExtraInfo(f, h.pointer(), nil)
	bindings.TableFunctionSetBind(f, scanBind)
	bindings.TableFunctionSetInit(f, scanInit)
	bindings.TableFunctionSetFunction(f, scanNext)
	bindings.TableFunctionSupportsProjectionPushdown(f, true)
	if bindings.RegisterTableFunction(a.conn.c, f) == bindings.StateError {
		return errors.New("register the engine's scan")
	}
	return nil
}

// add makes in a table of the connection c, to be removed by [scans.remove].
func (a *scans) add(ctx context.Context, c *conn, in engine.Input) (*scan, error) {
	types, err := a.types(in.Schema)
	if err != nil {
		return nil, fmt.Errorf("read input %s: %w", in.Name, err)
	}
	s := &scan{input: in, ctx: ctx, types: types}
	a.mu.Lock()
	a.last++
	s.id = a.last
	a.byID[s.id] = s
	a.mu.Unlock()
	s.view = fmt.Sprintf("%s(%d)", scanFunction, s.id)
	err = c.exec("CREATE OR REPLACE TEMP VIEW " + quoteIdent(in.Name) + " AS FROM " + s.view)
	s.uses = 0 // creating the view counted
	return s, err
}

// remove ends a scan that no query runs on any more.
func (a *scans) remove(s *scan) {
	a.mu.Lock()
	delete(a.byID, s.id)
	a.mu.Unlock()
	s.close()
}

func (a *scans) get(id scanID) (*scan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.byID[id]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("the engine has no input %d", id)
}

// types returns DuckDB's types of a schema's columns, by converting no rows.
func (a *scans) types(schema *arrow.Schema) ([]bindings.LogicalType, error) {
	converted, err := a.convertSchema(schema)
	if err != nil {
		return nil, err
	}
	defer bindings.DestroyArrowConvertedSchema(&converted)
	columns := make([]arrow.Array, schema.NumFields())
	for i, f := range schema.Fields() {
		columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 0)
		defer columns[i].Release()
	}
	empty := array.NewRecordBatch(schema, columns, 0)
	defer empty.Release()
	chunk, err := a.convert(empty, converted)
	if err != nil {
		return nil, err
	}
	defer bindings.DestroyDataChunk(&chunk)
	types := make([]bindings.LogicalType, len(columns))
	for i := range types {
		types[i] = bindings.VectorGetColumnType(bindings.DataChunkGetVector(chunk, bindings.IdxT(i)))
	}
	return types, nil
}

func (a *scans) convertSchema(schema *arrow.Schema) (bindings.ArrowConvertedSchema, error) {
	converted, ed := bindings.SchemaFromArrow(a.conn.c, toEngine(schema))
	return converted, dataError("convert columns "+schema.String(), ed)
}

func (a *scans) convert(b arrow.RecordBatch, schema bindings.ArrowConvertedSchema) (bindings.DataChunk, error) {
	chunk, ed := bindings.DataChunkFromArrow(a.conn.c, b, schema)
	return chunk, dataError("convert rows", ed)
}

// bind tells DuckDB the columns of a scan, once for each place in the query
// that reads it.
func (a *scans) bind(info bindings.BindInfo) error {
	v := bindings.BindGetParameter(info, 0)
	id := scanID(bindings.GetInt64(v))
	bindings.DestroyValue(&v)
	s, err := a.get(id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	for i, f := range s.input.Schema.Fields() {
		bindings.BindAddResultColumn(info, f.Name, s.types[i])
	}
	if s.input.Rows > 0 {
		bindings.BindSetCardinality(info, bindings.IdxT(s.input.Rows), false)
	}
	bindID(info, id)
	return nil
}

// init starts a scan with the columns that the query needs.
func (a *scans) init(id scanID, info bindings.InitInfo) error {
	s, err := a.get(id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		s.err = errScannedTwice
		return s.err
	}
	s.started = true
	var fields []arrow.Field
	for i := range bindings.InitGetColumnCount(info) {
		column := bindings.InitGetColumnIndex(info, i)
		if column >= bindings.IdxT(len(s.types)) { // a row number nobody reads
			column = noColumn
		} else {
			fields = append(fields, s.input.Schema.Field(int(column)))
		}
		s.columns = append(s.columns, column)
	}
	s.schema = arrow.NewSchema(fields, nil)
	if len(fields) > 0 {
		s.converted, s.err = a.convertSchema(s.schema)
	}
	bindings.InitSetMaxThreads(info, maxThreads)
	return s.err
}

// next fills DuckDB's chunk; none of its rows means the end. Threads call it
// at the same time.
func (a *scans) next(id scanID, out bindings.DataChunk) error {
	s, err := a.get(id)
	if err != nil {
		return err
	}
	batch, n, err := s.slice()
	if err != nil || n == 0 {
		bindings.DataChunkSetSize(out, 0)
		return err
	}
	if batch != nil {
		defer batch.Release()
		chunk, err := a.convert(batch, s.converted)
		if err != nil {
			return err
		}
		defer bindings.DestroyDataChunk(&chunk)
		at := bindings.IdxT(0)
		for i, column := range s.columns {
			if column == noColumn {
				continue
			}
			bindings.VectorReferenceVector(bindings.DataChunkGetVector(out, bindings.IdxT(i)), bindings.DataChunkGetVector(chunk, at))
			at++
		}
	}
	bindings.DataChunkSetSize(out, bindings.IdxT(n))
	return nil
}

const (
	noColumn   = ^bindings.IdxT(0)
	maxThreads = 64
)

var errScannedTwice = errors.New("the query reads it twice at once, which the engine did not foresee")

// scan is one input of one query.
type scan struct {
	id    scanID
	input engine.Input
	ctx   context.Context // DuckDB calls back without one
	types []bindings.LogicalType
	view  string // the call that reads it
	table string // that spool made, or ""

	mu        sync.Mutex
	uses      int // places in the query that read it
	started   bool
	columns   []bindings.IdxT // asked for, in order
	schema    *arrow.Schema   // of columns
	converted bindings.ArrowConvertedSchema
	reader    array.RecordReader // nil until the first rows are needed
	batch     arrow.RecordBatch  // the reader's current one
	offset    int64              // rows of batch that are out
	ended     bool
	err       error
}

// spool replaces the view by a temporary table of its rows, which any number
// of scans may read and which spills like any other intermediate result.
func (s *scan) spool(c *conn) error {
	s.table = quoteIdent(fmt.Sprintf("freshet_rows_%d", s.id))
	return c.exec("CREATE TEMP TABLE " + s.table + " AS FROM " + s.view +
		"; CREATE OR REPLACE TEMP VIEW " + quoteIdent(s.input.Name) + " AS FROM temp." + s.table)
}

// forget removes what [scans.add] and spool made from a connection that goes
// on.
func (s *scan) forget(c *conn) error {
	text := "DROP VIEW IF EXISTS temp." + quoteIdent(s.input.Name)
	if s.table != "" {
		text += "; DROP TABLE IF EXISTS temp." + s.table
	}
	return c.exec(text)
}

// slice returns the next rows, at most a vector of them: their number, and the
// columns asked for or nil when there are none. The caller releases.
func (s *scan) slice() (arrow.RecordBatch, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fill(); err != nil || s.ended {
		return nil, 0, err
	}
	n := min(s.batch.NumRows()-s.offset, int64(bindings.VectorSize()))
	from := s.offset
	s.offset += n
	if s.schema.NumFields() == 0 {
		return nil, n, nil
	}
	columns := make([]arrow.Array, 0, s.schema.NumFields())
	for _, column := range s.columns {
		if column != noColumn {
			columns = append(columns, slice(s.batch.Column(int(column)), from, from+n))
		}
	}
	out := array.NewRecordBatch(s.schema, columns, n)
	for _, c := range columns {
		c.Release()
	}
	return out, n, nil
}

// fill makes sure that batch has rows left, or ended is set.
func (s *scan) fill() error {
	if s.err == nil && !s.ended && s.reader == nil {
		s.reader, s.err = s.input.Open(s.ctx)
	}
	for s.err == nil && !s.ended && (s.batch == nil || s.offset == s.batch.NumRows()) {
		if s.err = s.ctx.Err(); s.err != nil {
			break
		}
		s.drop()
		if !s.reader.Next() {
			s.ended, s.err = true, s.reader.Err()
			break
		}
		batch := s.reader.RecordBatch()
		if s.err = s.check(batch); s.err == nil {
			batch.Retain()
			s.batch, s.offset = batch, 0
		}
	}
	return s.err
}

// check compares a batch's layout with the declared one, which DuckDB trusts.
func (s *scan) check(b arrow.RecordBatch) error {
	got, want := b.Schema(), s.input.Schema
	same := got == want || got.NumFields() == want.NumFields()
	for i := 0; same && got != want && i < got.NumFields(); i++ {
		same = arrow.TypeEqual(got.Field(i).Type, want.Field(i).Type)
	}
	if !same {
		return fmt.Errorf("a batch has columns %s, declared were %s", got, want)
	}
	return nil
}

func (s *scan) drop() {
	if s.batch != nil {
		s.batch.Release()
		s.batch = nil
	}
}

// failure returns the Go error that ended the scan, if one did.
func (s *scan) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// end frees what a query read. The caller has locked the scan.
func (s *scan) end() {
	s.drop()
	if s.reader != nil {
		s.reader.Release()
		s.reader = nil
	}
	bindings.DestroyArrowConvertedSchema(&s.converted)
}

func (s *scan) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	for i := range s.types {
		bindings.DestroyLogicalType(&s.types[i])
	}
}
