package pipeline

import (
	"context"
	"errors"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
)

// connect finds the inputs of each dataset and puts them in order. A dataset
// that depends on itself is an error.
func (p *Pipeline) connect() error {
	known := map[string]*Dataset{}
	for _, d := range p.Datasets {
		known[key(d.Name)] = d
	}
	if err := p.bindFlows(known); err != nil {
		return err
	}
	for _, d := range p.Datasets {
		seen := map[*Dataset]bool{}
		for _, r := range d.reads {
			in := known[key(r.name)]
			if len(r.at.Parts) == 1 {
				if temporary, ok := known[key(catalog.Name{Table: r.name.Table})]; ok {
					in = temporary
				}
			}
			if in != nil && !seen[in] {
				seen[in] = true
				d.Inputs = append(d.Inputs, in)
			}
		}
	}
	return p.sort()
}

// sort orders the datasets so that each comes after its inputs, and as they
// were written otherwise.
func (p *Pipeline) sort() error {
	var sorted, path []*Dataset
	state := map[*Dataset]int{} // 1 is being visited, 2 is done
	var visit func(d *Dataset) error
	visit = func(d *Dataset) error {
		switch state[d] {
		case 2:
			return nil
		case 1:
			return cycle(d, path)
		}
		state[d] = 1
		path = append(path, d)
		for _, in := range d.Inputs {
			if err := visit(in); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[d] = 2
		sorted = append(sorted, d)
		return nil
	}
	for _, d := range p.Datasets {
		if err := visit(d); err != nil {
			return err
		}
	}
	p.Datasets = sorted
	return nil
}

// cycle is the error of a dataset that the last of path reads, and that
// depends on it.
func cycle(d *Dataset, path []*Dataset) error {
	var names []string
	for i, on := range path {
		if on == d {
			for _, on := range path[i:] {
				names = append(names, on.String())
			}
			break
		}
	}
	return d.at(d.Pos(), errclass.New("PIPELINE_CYCLE", "42000", "The dataset depends on itself: %s reads %s.",
		strings.Join(names, " reads "), d))
}

// check reports the tables that queries name and that neither the pipeline nor
// the catalog has.
func (p *Pipeline) check(ctx context.Context, exists func(context.Context, catalog.Name) (bool, error)) error {
	var errs []error
	for _, d := range p.Datasets {
		own := map[string]bool{}
		for _, in := range d.Inputs {
			own[key(in.Name)] = true
		}
		for _, r := range d.reads {
			if own[key(r.name)] || len(r.at.Parts) == 1 && own[key(catalog.Name{Table: r.name.Table})] {
				continue
			}
			ok, err := exists(ctx, r.name)
			if err == nil && !ok {
				err = errclass.New("TABLE_OR_VIEW_NOT_FOUND", "42P01", "%s reads %s, which neither the pipeline nor the catalog has.", d, r.name.Plain())
			}
			if err != nil {
				errs = append(errs, d.at(r.at.Pos(), err))
			}
		}
	}
	return errors.Join(errs...)
}

// find returns the datasets of names; one that the pipeline does not have is
// an error.
func (p *Pipeline) find(names []string) (map[*Dataset]bool, error) {
	found := map[*Dataset]bool{}
	for _, name := range names {
		var match []*Dataset
		for _, d := range p.Datasets {
			plain := "." + strings.ToLower(d.String())
			if d.refreshed() && strings.HasSuffix(plain, "."+strings.ToLower(name)) {
				match = append(match, d)
			}
		}
		switch len(match) {
		case 0:
			return nil, errclass.New("TABLE_OR_VIEW_NOT_FOUND", "42P01", "The pipeline has no streaming table or materialized view %s.", name)
		case 1:
			found[match[0]] = true
		default:
			return nil, errclass.New("AMBIGUOUS_REFERENCE", "42704", "The name %s may be %s or %s; write its schema too.", name, match[0], match[1])
		}
	}
	return found, nil
}
