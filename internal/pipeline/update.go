package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
)

// Config says how a pipeline is run. Open, Clock and Sleep are required.
type Config struct {
	// Open opens a session of the workspace. Datasets run in sessions of their
	// own, Parallelism of them at a time.
	Open        func(ctx context.Context) (*session.Session, error)
	Parallelism int // 0 is 1
	// Full are the names of the datasets to load or compute all over, FullAll
	// is all of them; Only, unless empty, are those to refresh at all, besides
	// those of Full.
	Full    []string
	FullAll bool
	Only    []string
	// Report, when set, is told of each dataset once it is through. Calls do
	// not overlap.
	Report func(Result)
	// Changed, when set, is told when files of a pipeline that keeps going have
	// changed: it begins anew with them, or err says why they cannot be used.
	Changed func(err error)
	Clock   func() time.Time
	Sleep   func(ctx context.Context, d time.Duration) error
}

// Result is what became of a dataset in an update.
type Result struct {
	Dataset *Dataset
	Status  eventlog.Status
	Outcome dataset.Outcome
	Err     error
	Took    time.Duration
}

// FailedError says that datasets have failed, and how many.
type FailedError struct {
	Failed, All int
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%d of %d datasets failed or were skipped", e.Failed, e.All)
}

// update is one update of a pipeline, or a series of them.
type update struct {
	*Pipeline
	cfg    Config
	full   map[*Dataset]bool
	only   map[*Dataset]bool // nil is all
	keep   bool              // sessions and flows stay open, as a runner keeps going
	lead   *session.Session
	events *eventlog.Update

	mu       sync.Mutex // of what follows
	sessions map[*Dataset]*session.Session
	made     map[*Dataset]bool // definitions that are in the catalog
	results  []Result
}

// Validate checks that the pipeline could run, and runs nothing.
func (p *Pipeline) Validate(ctx context.Context, cfg Config) (err error) {
	u, err := p.begin(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.close()) }() //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	return p.check(ctx, u.lead.Datasets().Exists)
}

// Run runs one update: each dataset once those that it reads are through, and
// not at all when one of them failed. The error is a [*FailedError] when
// datasets did.
func (p *Pipeline) Run(ctx context.Context, cfg Config) (results []Result, err error) {
	u, err := p.begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.close()) }() //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	if err := u.start(ctx, false); err != nil {
		return nil, err
	}
	u.run(ctx)
	err = u.failed(ctx)
	return u.results, errors.Join(err, u.events.End(ctx, err))
}

// begin opens what an update needs.
func (p *Pipeline) begin(ctx context.Context, cfg Config) (*update, error) {
	u := &update{Pipeline: p, cfg: cfg, sessions: map[*Dataset]*session.Session{}, made: map[*Dataset]bool{}}
	var err error
	if u.full, err = p.find(cfg.Full); err != nil {
		return nil, err
	}
	if u.only, err = p.find(cfg.Only); err != nil {
		return nil, err
	}
	u.lead, err = cfg.Open(ctx)
	return u, err
}

func (u *update) close() error {
	var errs []error
	for _, s := range u.sessions {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, u.lead.Close())...)
}

// start begins the events of the update and makes the schemas.
func (u *update) start(ctx context.Context, continuous bool) error {
	if err := u.check(ctx, u.lead.Datasets().Exists); err != nil {
		return err
	}
	log, err := u.lead.Datasets().Events(ctx)
	if err != nil {
		return err
	}
	u.events = log.Begin(eventlog.Pipeline{Name: u.Name, Type: "WORKSPACE"}, eventlog.Request{
		Cause: eventlog.UserAction, FullRefresh: u.cfg.FullAll, Continuous: continuous, Selection: u.cfg.Only, FullOnly: u.cfg.Full,
	})
	for _, s := range u.schemas {
		if err := u.lead.Execute(ctx, s.text, s.Statement); err != nil {
			err = s.at(s.Pos(), err)
			return errors.Join(err, u.events.End(ctx, err))
		}
	}
	u.events.Enter(eventlog.Running, nil)
	return nil
}

// run runs the datasets, each after its inputs.
func (u *update) run(ctx context.Context) {
	slots := make(chan struct{}, max(1, u.cfg.Parallelism))
	done, failed := map[*Dataset]chan struct{}{}, map[*Dataset]*bool{}
	for _, d := range u.Datasets {
		done[d], failed[d] = make(chan struct{}), new(bool)
	}
	var wait sync.WaitGroup
	for _, d := range u.Datasets {
		wait.Go(func() {
			defer close(done[d])
			for _, in := range d.Inputs {
				<-done[in]
			}
			for _, in := range d.Inputs {
				if *failed[in] {
					*failed[d] = true
					u.skip(d, in)
					return
				}
			}
			if ctx.Err() != nil || u.excluded(d) {
				return
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			r := u.try(ctx, d)
			u.report(r)
			*failed[d] = r.Err != nil
		})
	}
	wait.Wait()
	u.events.Tick(ctx)
}

// skip tells that a dataset does not run, as one that it reads failed.
func (u *update) skip(d, in *Dataset) {
	why := fmt.Sprintf("its input %s failed or was skipped", in)
	u.events.Flow(d.String()).Skip(why)
	u.report(Result{Dataset: d, Status: eventlog.FlowSkipped, Err: errors.New(why)})
}

func (u *update) report(r Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.keep { // who keeps going would gather them for ever
		u.results = append(u.results, r)
	}
	if u.cfg.Report != nil {
		u.cfg.Report(r)
	}
}

// try brings one dataset up to date, and says what became of it.
func (u *update) try(ctx context.Context, d *Dataset) Result {
	began := u.cfg.Clock()
	outcome, err := u.materialize(ctx, d)
	if !u.keep {
		err = errors.Join(err, u.release(d)) //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	}
	r := Result{Dataset: d, Status: eventlog.FlowCompleted, Err: err, Took: u.cfg.Clock().Sub(began)}
	if outcome != nil {
		r.Outcome = *outcome
	}
	switch {
	case err != nil && ctx.Err() != nil, outcome != nil && outcome.Stopped:
		r.Status, r.Err = eventlog.FlowStopped, nil
	case err != nil:
		r.Status = eventlog.FlowFailed
		if _, placed := errors.AsType[*Error](err); !placed {
			r.Err = d.at(d.Pos(), err)
		}
	}
	return r
}

// excluded reports whether a dataset is left as it is.
func (u *update) excluded(d *Dataset) bool {
	if !d.refreshed() || len(u.only) == 0 {
		return false
	}
	return !u.only[d] && !u.full[d]
}

// materialize brings one dataset up to date, in a session of its own.
func (u *update) materialize(ctx context.Context, d *Dataset) (*dataset.Outcome, error) {
	s, err := u.session(ctx, d)
	if err != nil || d.Temporary {
		return nil, err
	}
	if !d.refreshed() {
		return nil, s.Execute(ctx, d.text, d.Statement)
	}
	u.mu.Lock()
	again := u.made[d]
	u.mu.Unlock()
	if again {
		stmt := &sql.Refresh{Kind: "TABLE", Name: d.definition.Name}
		return s.Refresh(ctx, d.text, stmt, dataset.Refreshing{Update: u.events, Keep: u.keep, Again: true})
	}
	outcome, err := s.Refresh(ctx, d.text, d.Statement, dataset.Refreshing{Full: u.cfg.FullAll || u.full[d], Flows: d.flows, Update: u.events, Keep: u.keep})
	u.mu.Lock()
	u.made[d] = err == nil
	u.mu.Unlock()
	return outcome, err
}

// release closes the session of a dataset.
func (u *update) release(d *Dataset) error {
	u.mu.Lock()
	s := u.sessions[d]
	delete(u.sessions, d)
	u.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
}

// session returns the session of a dataset, set up as its file says, and with
// the temporary views that it reads.
func (u *update) session(ctx context.Context, d *Dataset) (*session.Session, error) {
	u.mu.Lock()
	s := u.sessions[d]
	u.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := u.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := setUp(ctx, s, d); err != nil {
		// Kept, it would make the dataset somewhere else at the next try.
		return nil, errors.Join(err, s.Close()) //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	}
	u.mu.Lock()
	u.sessions[d] = s
	u.mu.Unlock()
	return s, nil
}

// setUp makes a session ready for a dataset.
func setUp(ctx context.Context, s *session.Session, d *Dataset) error {
	for _, v := range append(temporaryInputs(d, nil), d) {
		for _, setting := range v.settings {
			if err := s.Execute(ctx, setting.text, setting.Statement); err != nil {
				return setting.at(setting.Pos(), err)
			}
		}
		if !v.Temporary {
			continue
		}
		view, err := v.anew()
		if err != nil {
			return err
		}
		if err := s.Execute(ctx, v.text, view); err != nil {
			return err
		}
	}
	return nil
}

// temporaryInputs returns the temporary views that a dataset reads, and those
// that these read, each once and after what it reads.
func temporaryInputs(d *Dataset, found []*Dataset) []*Dataset {
	for _, in := range d.Inputs {
		if in.Temporary && !slices.Contains(found, in) {
			found = append(temporaryInputs(in, found), in)
		}
	}
	return found
}

// failed returns the error of an update whose datasets did not all run.
func (u *update) failed(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	n := 0
	for _, r := range u.results {
		if r.Err != nil {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &FailedError{Failed: n, All: len(u.Datasets)}
}
