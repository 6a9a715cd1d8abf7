package dataset

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/schedule"
	"github.com/freshet/freshet/internal/source/files/notify"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/workspace"
)

// keptFlow opens the flow of a streaming table, or returns the one that is
// open from the refresh before. Its sources are opened anew when somebody else
// has run the flow meanwhile.
func (d *Set) keptFlow(ctx context.Context, entry catalog.Table, how Refreshing) (*streamingFlow, error) {
	if f, ok := d.flows[entry.Location]; ok && f.entry.Checkpoint == entry.Checkpoint && f.entry.Text == entry.Text {
		return f, nil
	}
	f, err := d.openFlow(ctx, entry)
	if err == nil && how.Keep {
		d.flows[entry.Location] = f
	}
	return f, err
}

// Stopped reports whether the flow of a streaming table was asked to stop, and
// not started since.
func (d *Set) Stopped(ctx context.Context, name catalog.Name) (bool, error) {
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil || entry.Kind != catalog.KindStreamingTable {
		return false, err
	}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return false, err
	}
	return c.StopRequested(ctx)
}

// Definitions returns the statements that made the streaming tables and
// materialized views of the workspace.
func (d *Set) Definitions(ctx context.Context) (map[catalog.Name]string, error) {
	return d.ws.Catalog.Texts(ctx, catalog.KindStreamingTable, catalog.KindMaterializedView)
}

// Schedule returns the schedule in the statement that made a dataset, nil for
// none. Times without a zone are in that of the session.
func (d *Set) Schedule(text string) (*schedule.Schedule, error) {
	def, err := Parse(text)
	if err != nil || def.Schedule == nil {
		return nil, err
	}
	return schedule.Parse(def.Schedule, d.planner.TimeZone())
}

// Watch tells when there may be something new for a dataset, so that it need
// not be refreshed to find out. It must be closed.
type Watch struct {
	queues   []notify.Queue
	ready    chan struct{}
	partial  atomic.Bool
	stop     context.CancelFunc
	watching sync.WaitGroup
}

// Watch begins to watch what a dataset reads. Flows of streaming tables are to
// be kept open, see [Refreshing]. The watch is ready to begin with, as
// something may have come before it began.
func (d *Set) Watch(ctx context.Context, name catalog.Name) (*Watch, error) {
	folders, all, err := d.folders(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Watch{ready: make(chan struct{}, 1), stop: stop}
	w.partial.Store(!all)
	for _, dir := range folders {
		q, err := notify.Watch(dir)
		if err != nil {
			w.partial.Store(true) // it is looked at now and then instead
			continue
		}
		w.queues = append(w.queues, q)
		w.watching.Go(func() { w.watch(ctx, q) })
	}
	w.wake()
	return w, nil
}

// Ready receives when there may be something new.
func (w *Watch) Ready() <-chan struct{} { return w.ready }

// Complete reports whether the watch tells of everything. One that does not,
// as files are in a cloud or a folder is not there, is to be helped by looking.
func (w *Watch) Complete() bool { return !w.partial.Load() }

// Close ends the watch.
func (w *Watch) Close() error {
	w.stop()
	w.watching.Wait()
	var errs []error
	for _, q := range w.queues {
		errs = append(errs, q.Close())
	}
	return errors.Join(errs...)
}

func (w *Watch) wake() {
	select {
	case w.ready <- struct{}{}:
	default: // it is told already
	}
}

// settleTime is how long changes are gathered before they are told: a commit
// writes several files, and so does whoever brings data.
const settleTime = 20 * time.Millisecond

// watch passes on what a queue tells. That something was lost is told the first
// time, of any queue, and means something from then on.
func (w *Watch) watch(ctx context.Context, q notify.Queue) {
	for first := true; ; first = false {
		n, err := q.Take(ctx)
		if err != nil || n.Lost && !first {
			w.partial.Store(true)
		}
		if err != nil {
			w.wake()
			return
		}
		if !first {
			w.wake()
		}
		select {
		case <-ctx.Done():
			return
		case <-q.Ready():
		}
		if workspace.Sleep(ctx, settleTime) != nil {
			return
		}
	}
}

// folders returns the local folders in which something appears when there is
// something new for a dataset; all is false when it may come otherwise too.
func (d *Set) folders(ctx context.Context, name catalog.Name) (dirs []string, all bool, err error) {
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return nil, false, err
	}
	leave, err := d.planner.EnterViews(entry.Text)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if entry.Kind == catalog.KindMaterializedView {
		v, err := d.openView(ctx, entry)
		if err != nil {
			return nil, false, err
		}
		dirs, all := localFolders(v.logs)
		return dirs, all && v.Steady(), nil
	}
	places, ok := d.reads[entry.Location]
	if f := d.flows[entry.Location]; f != nil {
		if places, err = f.places(ctx); err != nil {
			return nil, false, err
		}
	} else if !ok {
		return nil, false, nil
	}
	dirs, all = localFolders(places)
	return dirs, all, nil
}

// places are where something appears when there is something new for a flow,
// whose sources are open.
func (f *streamingFlow) places(ctx context.Context) ([]string, error) {
	var places []string
	for i, ref := range query.Streams(f.def.Query) {
		switch ref := f.datasets.planner.BeneathViews(ref).(type) {
		case *sql.Table:
			t, err := f.datasets.planner.Target(ctx, ref.Name)
			if err != nil {
				return nil, err
			}
			places = append(places, logOf(t.Location))
		case *sql.TableFunction:
			if files, ok := beneath(f.sources[i]).(*autoloader.Source); ok {
				places = append(places, files.Base())
			}
		}
	}
	return places, nil
}

const fileScheme = "file://"

// logOf is the place of the log of the table at a location.
func logOf(location string) string { return strings.TrimSuffix(location, "/") + "/_delta_log" }

// localFolders returns those of some places whose changes the kernel tells of;
// all is whether these are all of them.
func localFolders(places []string) (dirs []string, all bool) {
	all = true
	for _, place := range places {
		dir, local := strings.CutPrefix(place, fileScheme)
		if local = local && notify.Tells(dir); local {
			dirs = append(dirs, dir)
		}
		all = all && local
	}
	return dirs, all
}
