package session

import (
	"maps"
	"slices"

	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// set runs SET. A key that freshet does not act on is kept and shown, as Spark
// does, so that scripts written for Spark run.
func (s *Session) set(stmt *sql.Set) (*Result, error) {
	out := rowset.New(schema.Col("key", schema.String), schema.Col("value", schema.String))
	switch key := setting.Name(stmt.Key); {
	case stmt.HasValue:
		if err := s.planner.Settings.Put(key, stmt.Value); err != nil {
			return nil, err
		}
		out.Add(key, stmt.Value)
	case key != "":
		if v, ok := s.planner.Settings[key]; ok {
			out.Add(key, v)
		} else {
			out.Add(key, "<undefined>")
		}
	default:
		for _, k := range slices.Sorted(maps.Keys(s.planner.Settings)) {
			out.Add(k, s.planner.Settings[k])
		}
	}
	return resultOf(out), nil
}

// reset runs RESET.
func (s *Session) reset(stmt *sql.Reset) (*Result, error) {
	if stmt.Key == "" {
		s.planner.Settings = setting.Defaults()
		return &Result{}, nil
	}
	s.planner.Settings.Reset(setting.Name(stmt.Key))
	return &Result{}, nil
}
