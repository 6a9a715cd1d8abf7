package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Pipeline says whose flows an update runs. A table refreshed on its own is a
// pipeline of its own name.
type Pipeline struct {
	Name string
	// Type is WORKSPACE for pipelines of several datasets and DBSQL for tables
	// on their own.
	Type string
}

// Request says what an update was asked for; its event shows it.
type Request struct {
	Cause        Cause    `json:"cause"`
	FullRefresh  bool     `json:"full_refresh"`
	ValidateOnly bool     `json:"validate_only"`
	Continuous   bool     `json:"continuous"`
	Selection    []string `json:"refresh_selection,omitempty"`
	FullOnly     []string `json:"full_refresh_selection,omitempty"`
}

// State is how far an update is.
type State string

// The states of updates.
const (
	Created      State = "CREATED"
	Initializing State = "INITIALIZING"
	Resetting    State = "RESETTING"
	Running      State = "RUNNING"
	Stopping     State = "STOPPING"
	Completed    State = "COMPLETED"
	Failed       State = "FAILED"
	Canceled     State = "CANCELED"
)

const (
	// flushInterval is how long events of a running update stay in memory.
	flushInterval = 10 * time.Second
	// maxPending bounds how many events wait while they cannot be written.
	maxPending = 10_000
)

// Update collects the events of one run of a pipeline. It is safe for
// concurrent use.
type Update struct {
	log    *Log
	origin Origin

	mu      sync.Mutex
	pending []Event
	flushed time.Time
	dropped int // events there was no room for
}

// Begin begins the events of an update.
func (l *Log) Begin(p Pipeline, r Request) *Update {
	u := &Update{log: l, flushed: l.cfg.Clock(), origin: Origin{
		PipelineType: p.Type, PipelineID: p.Name, PipelineName: p.Name, UpdateID: l.cfg.NewID(),
	}}
	u.add(Event{Type: "create_update", Level: Info, Origin: u.origin, Message: "Update " + u.ID()[:min(6, len(u.ID()))] + " started by " + string(r.Cause) + "."}, r)
	return u
}

// ID identifies the update.
func (u *Update) ID() string { return u.origin.UpdateID }

// add takes an event in; details go under its type's name.
func (u *Update) add(e Event, details any) {
	body, err := json.Marshal(map[string]any{e.Type: details})
	if err != nil { // of our own types, which marshal
		body = []byte("{}")
	}
	e.Details = string(body)
	e = u.log.event(e)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.pending) >= maxPending {
		u.dropped++
		return
	}
	u.pending = append(u.pending, e)
}

// Enter says that the update is in a state; err, when there is one, is why.
func (u *Update) Enter(s State, err error) {
	e := Event{Type: "update_progress", Level: Info, Origin: u.origin, Error: errorOf(err), Message: fmt.Sprintf("Update %s is %s.", u.ID(), s)}
	if err != nil {
		e.Level, e.Message = Failure, e.Message+" "+err.Error()
	}
	u.add(e, map[string]State{"state": s})
}

// End enters the state that err means, and writes what is not written yet.
func (u *Update) End(ctx context.Context, err error) error {
	switch {
	case err == nil:
		u.Enter(Completed, nil)
	case errors.Is(err, context.Canceled):
		u.Enter(Canceled, nil)
	default:
		u.Enter(Failed, err)
	}
	return u.Flush(context.WithoutCancel(ctx))
}

// Tick writes events that have waited for long enough. A failure is logged,
// and the events wait on.
func (u *Update) Tick(ctx context.Context) {
	u.mu.Lock()
	due := len(u.pending) > 0 && u.log.cfg.Clock().Sub(u.flushed) >= flushInterval
	u.mu.Unlock()
	if !due {
		return
	}
	if err := u.Flush(ctx); err != nil {
		u.log.cfg.Logger.ErrorContext(ctx, "events are not written yet", slog.Any("error", err))
	}
}

// Flush writes the events that are not written yet. Those that cannot be
// written wait for the next time; the error says so.
func (u *Update) Flush(ctx context.Context) error {
	u.mu.Lock()
	events, dropped := u.pending, u.dropped
	u.pending, u.dropped, u.flushed = nil, 0, u.log.cfg.Clock()
	u.mu.Unlock()
	err := u.log.Append(ctx, events...)
	if err != nil {
		u.mu.Lock()
		u.pending = slices.Concat(events, u.pending)
		u.dropped += dropped
		u.mu.Unlock()
	}
	if dropped > 0 {
		err = errors.Join(err, fmt.Errorf("%d events were dropped, as the log could not be written for long", dropped))
	}
	return err
}
