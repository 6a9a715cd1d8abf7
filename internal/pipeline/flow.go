package pipeline

import (
	"errors"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// flow is a flow into a streaming table that has no query of its own.
type flow struct {
	statement
	flow   *sql.CreateFlow
	target catalog.Name
	reads  []reference
}

// takeFlow takes in CREATE FLOW. Its names are made whole, as it runs with its
// table, which another file may define.
func (p *Pipeline) takeFlow(in *scope, s statement, stmt *sql.CreateFlow) error {
	f := flow{statement: s, flow: stmt}
	for _, n := range []*sql.Name{stmt.Name, stmt.Target()} {
		if n == nil {
			continue
		}
		full, ok := in.resolve(n)
		if !ok {
			return s.at(n.Pos(), errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05", "The name %s is to have one to three parts.", n))
		}
		n.Parts = []string{full.Catalog, full.Schema, full.Table}
		f.target = full
	}
	f.reads = references(in, stmt.Reads())
	p.flows = append(p.flows, f)
	return nil
}

// complete makes the name whole where it stands, but for a temporary view's.
func (r *reference) complete(known map[string]*Dataset) {
	if _, temporary := known[key(catalog.Name{Table: r.name.Table})]; temporary && len(r.at.Parts) == 1 {
		return
	}
	r.at.Parts = []string{r.name.Catalog, r.name.Schema, r.name.Table}
}

// bindFlows gives each flow to the table that it writes to, which then reads
// what the flow does.
func (p *Pipeline) bindFlows(known map[string]*Dataset) error {
	var errs []error
	for _, f := range p.flows {
		d := known[key(f.target)]
		if d == nil || d.Kind != catalog.KindStreamingTable || d.definition.Query != nil {
			errs = append(errs, f.at(f.flow.Target().Pos(), errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
				"A flow writes to a streaming table of the pipeline that has no query of its own: CREATE STREAMING TABLE %s.", f.target.Table)))
			continue
		}
		d.flows, d.reads = append(d.flows, f.flow), append(d.reads, f.reads...)
		for i := range f.reads {
			f.reads[i].complete(known)
		}
	}
	return errors.Join(errs...)
}
