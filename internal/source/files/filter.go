package files

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
)

// filter decides which listed files are taken. It is not safe for concurrent
// use.
type filter struct {
	base    string         // key prefix that the path rules begin after
	ignored *regexp.Regexp // nil for the default rule
	name    *glob
	pattern *glob
	after   time.Time
	before  time.Time
	without []string // prefixes of keys that are no input
	// dir and dirIgnored remember the last directory: keys come sorted.
	dir        string
	dirIgnored bool
}

func newFilter(cfg Config, base string) (*filter, error) {
	opts := cfg.Options
	f := &filter{base: base, after: opts.Instant("modifiedAfter"), before: opts.Instant("modifiedBefore")}
	var err error
	if text := opts.Text("ignoredPathSegmentRegex"); text != defaultIgnored {
		if f.ignored, err = regexp.Compile(text); err != nil {
			return nil, option.Refuse("ignoredPathSegmentRegex", errclass.New("INVALID_OPTION_VALUE", "42K06", "option ignoredPathSegmentRegex is %q: %w", text, err))
		}
	}
	if text := opts.Text("pathGlobFilter"); text != "" {
		if f.name, err = compileGlob(text, segmentGlob); err != nil {
			return nil, option.Refuse("pathGlobFilter", err)
		}
	}
	if cfg.Pattern != "" {
		f.pattern, err = compileGlob(cfg.Pattern, segmentGlob)
	}
	return f, err
}

// keep reports whether the file under key is taken.
func (f *filter) keep(key string, modTime time.Time) bool {
	return f.path(key) && f.timeAndName(key, modTime)
}

// path applies the rules of paths.
func (f *filter) path(key string) bool {
	rel := strings.TrimPrefix(key, f.base)
	at := strings.LastIndexByte(rel, '/') + 1
	if rel[:at] != f.dir {
		f.dir, f.dirIgnored = rel[:at], f.ignoredPath(rel[:at]) || f.isWithout(key)
	}
	return !f.dirIgnored && !f.ignoredSegment(rel[at:]) &&
		(f.pattern == nil || f.pattern.match(rel))
}

// isWithout reports whether the file under key is in a directory without input.
func (f *filter) isWithout(key string) bool {
	return slices.ContainsFunc(f.without, func(dir string) bool { return strings.HasPrefix(key, dir) })
}

// timeAndName applies the rules that also hold for files named one by one.
func (f *filter) timeAndName(key string, modTime time.Time) bool {
	return (f.after.IsZero() || modTime.After(f.after)) &&
		(f.before.IsZero() || modTime.Before(f.before)) &&
		(f.name == nil || f.name.match(key[strings.LastIndexByte(key, '/')+1:]))
}

// ignoredPath reports whether a segment of a directory's path is ignored.
func (f *filter) ignoredPath(dir string) bool {
	for segment := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if f.ignoredSegment(segment) {
			return true
		}
	}
	return false
}

// ignoredSegment is true of hidden names. By default a name that starts with
// an underscore is not hidden when it is a partition such as _date=2021.
func (f *filter) ignoredSegment(segment string) bool {
	if f.ignored != nil {
		return f.ignored.MatchString(segment)
	}
	return strings.HasPrefix(segment, ".") || strings.HasPrefix(segment, "_") && !strings.Contains(segment, "=")
}
