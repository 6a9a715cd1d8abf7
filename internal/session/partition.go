package session

import (
	"context"
	"errors"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// partitionFilter returns the files of the partitions for which a condition
// is true. It may name partition columns only.
func (s *Session) partitionFilter(ctx context.Context, t *workspace.Table, snap *delta.Snapshot, condition string) (func(delta.AddFile) bool, error) {
	if condition == "" {
		return nil, nil
	}
	if len(snap.PartitionColumns()) == 0 {
		return nil, notPartitioned(t, snap, condition)
	}
	partitions, err := snap.Partitions(ctx)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	defer partitions.Rows.Release()
	values, err := s.planner.Rules.Evaluate(ctx, partitions.Rows, []string{condition})
	var classified errclass.Classified
	if errors.As(err, &classified) && strings.HasPrefix(classified.ErrorClass(), "UNRESOLVED_COLUMN") {
		return nil, notPartitioned(t, snap, condition)
	}
	if err != nil {
		return nil, err
	}
	defer values[0].Release()
	holds, ok := values[0].(*array.Boolean)
	if !ok {
		return nil, errclass.New("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09", "The condition %s is not of type BOOLEAN.", condition)
	}
	chosen := make([]bool, holds.Len())
	for i := range chosen {
		chosen[i] = holds.IsValid(i) && holds.Value(i)
	}
	return func(f delta.AddFile) bool {
		row := partitions.Row(f)
		return row >= 0 && chosen[row]
	}, nil
}

func notPartitioned(t *workspace.Table, snap *delta.Snapshot, condition string) error {
	return errclass.New("DELTA_NON_PARTITION_COLUMN_REFERENCE", "42P10",
		"The condition %s of %s references columns that do not partition the table. Only the partition columns may be referenced: [%s]",
		condition, t.Name, strings.Join(snap.PartitionColumns(), ", "))
}

// text returns an expression as it is written, "" for none.
func text(e sql.Expr) string {
	if e == nil {
		return ""
	}
	return e.String()
}

// partitionCondition returns the condition that a PARTITION clause stands for.
func partitionCondition(values []*sql.PartitionValue) (string, error) {
	var all []string
	for _, v := range values {
		if v.Value == nil {
			return "", errclass.New("PARSE_SYNTAX_ERROR", "42601", "PARTITION needs a value for %s.", schema.QuoteIdent(v.Name))
		}
		all = append(all, schema.QuoteIdent(v.Name)+" <=> "+v.Value.String())
	}
	return strings.Join(all, " AND "), nil
}
