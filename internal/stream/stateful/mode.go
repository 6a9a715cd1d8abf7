package stateful

import "github.com/freshet/freshet/internal/errclass"

// Mode is what a batch's rows are to the table that they are for (semantics
// §10.7).
type Mode int

// The output modes.
const (
	// Append adds rows that will not change any more.
	Append Mode = iota
	// Update replaces the rows of the groups that have changed.
	Update
	// Complete replaces all rows.
	Complete
)

// String returns the mode's name in options.
func (m Mode) String() string { return [...]string{"append", "update", "complete"}[m] }

// chooseMode decides what a batch's rows are to the table.
func (p *Plan) chooseMode() {
	p.findKeys()
	switch {
	case p.closes():
		p.Mode = Append
	case p.KeyColumns != nil:
		p.Mode = Update
	default:
		p.Mode = Complete
	}
}

// findKeys finds the groups' keys among the columns of the result. There are
// none when one is missing, or HAVING may take back what a batch has written.
func (p *Plan) findKeys() {
	p.KeyColumns = nil
	if p.top.Having != nil {
		return
	}
	var keys []int
	for _, g := range p.groups {
		at := -1
		for i, item := range p.top.Items {
			if same(item.Expr, g.expr) && g.window == nil || g.window != nil && p.isStart(item.Expr, g) {
				at = i
			}
		}
		if at < 0 {
			return
		}
		keys = append(keys, at)
	}
	p.KeyColumns = keys
}

// As has batches bring rows in a mode that was asked for, which is an error
// where the query does not have it, as in Spark.
func (p *Plan) As(mode Mode) error {
	once := p.distinct || p.duplicates != nil // rows come once, in whatever mode
	switch {
	case once && mode != Complete:
		return nil
	case once:
		return NoMode(mode, "queries without aggregation")
	case mode == Append && !p.closes():
		return NoMode(mode, "aggregations without a watermark on the time, or the window, that they are grouped by")
	}
	p.Mode, p.endless = mode, mode == Complete
	return nil
}

// NoMode is the error of a query whose batches have no rows in a mode.
func NoMode(mode Mode, of string) error {
	return errclass.New("STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION", "42KDE", "Invalid streaming output mode: %s. This output mode is not supported for %s.", mode, of)
}
