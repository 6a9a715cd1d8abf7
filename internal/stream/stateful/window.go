package stateful

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/sql"
)

// window is a call of window(time, length[, slide[, shift]]): the windows of a
// length that begin every slide, and that a time falls into.
type window struct {
	time   string // Databricks SQL
	length time.Duration
	slide  time.Duration
	shift  time.Duration
	rows   string // of the window that a row is in
	// join, when windows overlap, has a row come once for each, and where is
	// true for those that it is in.
	join, where string
}

// slides is the column that counts windows that overlap, maxSlides how many
// may.
const (
	slides    = "__slide"
	maxSlides = 1000
)

// window reads a call that makes windows; nil when it is another.
func (p *Plan) window(call *sql.FunctionCall) (*window, error) {
	switch call.Func() {
	case "session_window":
		return nil, unsupported("session_window over a stream is not supported by this version; use window(time, 'length').")
	case "window":
	default:
		return nil, nil
	}
	if n := len(call.Args); n < 2 || n > 4 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "window requires 2 to 4 arguments, a time, a length, a slide and a start, and was given %d.", n)
	}
	w := &window{time: p.slice(call.Args[0])}
	for i, to := range []*time.Duration{&w.length, &w.slide, &w.shift} {
		if i+1 >= len(call.Args) {
			break
		}
		var err error
		if *to, err = windowLength(call.Args[i+1]); err != nil {
			return nil, err
		}
	}
	if len(call.Args) == 2 {
		w.slide = w.length
	}
	if w.length <= 0 || w.slide <= 0 || w.slide > w.length || w.shift >= w.slide || w.length/w.slide > maxSlides {
		return nil, errclass.New("DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION", "42K09",
			"%s: a window has a length, begins anew after no more than it and a thousandth of it or more, and is shifted by less than that.", call)
	}
	w.compile()
	return w, nil
}

func windowLength(e sql.Expr) (time.Duration, error) {
	switch e := e.(type) {
	case *sql.Literal:
		if e.Kind == sql.StringLiteral {
			if d, err := option.ParseInterval(e.Value); err == nil {
				return d, nil
			}
		}
	case *sql.Interval:
		return interval(e)
	}
	return 0, errclass.New("INVALID_INTERVAL_FORMAT", "22006", "%s is no length of a window, such as '10 minutes'.", e)
}

// compile writes the windows as Databricks SQL, in microseconds since 1970.
func (w *window) compile() {
	at := "unix_micros(CAST(" + w.time + " AS TIMESTAMP))"
	length, slide := w.length.Microseconds(), w.slide.Microseconds()
	last := fmt.Sprintf("(%s - pmod(%s - %d, %d))", at, at, w.shift.Microseconds(), slide)
	from := func(start string) string {
		return fmt.Sprintf("named_struct('start', timestamp_micros(CAST(%s AS BIGINT)), 'end', timestamp_micros(CAST(%s + %d AS BIGINT)))", start, start, length)
	}
	if slide == length {
		w.rows = from(last)
		return
	}
	// As many windows overlap, one for each number from 0 on.
	var numbers []string
	for i := range (length + slide - 1) / slide {
		numbers = append(numbers, fmt.Sprintf("(%d)", i))
	}
	w.join = fmt.Sprintf(" CROSS JOIN (VALUES %s) AS %s(%[2]s)", strings.Join(numbers, ", "), slides)
	start := fmt.Sprintf("(%s - CAST(%s AS BIGINT) * %d)", last, slides, slide)
	w.rows, w.where = from(start), fmt.Sprintf("%s + %d > %s", start, length, at)
}

// isStart reports whether an expression is the start of a group's window,
// which tells it.
func (p *Plan) isStart(e sql.Expr, g group) bool {
	switch e := e.(type) {
	case *sql.Field:
		return strings.EqualFold(e.Name, "start") && p.isWindow(e.X, g)
	case *sql.Column:
		return len(e.Parts) == 2 && strings.EqualFold(e.Parts[0], "window") && strings.EqualFold(e.Parts[1], "start")
	}
	return false
}

// isWindow reports whether an expression is a group's window.
func (p *Plan) isWindow(e sql.Expr, g group) bool {
	c, ok := e.(*sql.Column)
	return same(e, g.expr) || ok && len(c.Parts) == 1 && strings.EqualFold(c.Parts[0], "window")
}
