package dml

import (
	"strings"

	"github.com/freshet/freshet/delta"
)

// info describes a MERGE in the table's history as Spark does (semantics
// §14.4).
func (m *merge) info(r delta.RowChangeMetrics) delta.CommitInfo {
	return delta.CommitInfo{
		Operation: "MERGE",
		Parameters: map[string]any{
			"predicate":                    predicates(m.stmt.On),
			"matchedPredicates":            m.described(matched),
			"notMatchedPredicates":         m.described(notMatched),
			"notMatchedBySourcePredicates": m.described(notMatchedBySource),
		},
		Metrics: m.metrics(r),
	}
}

// described is a clause in the operation's parameters.
type described struct {
	Predicate  string `json:"predicate,omitempty"`
	ActionType string `json:"actionType"`
}

func (m *merge) described(kind string) []described {
	list := []described{}
	for _, c := range m.of(kind) {
		d := described{ActionType: strings.ToLower(c.Action)}
		if c.Cond != nil {
			d.Predicate = c.Cond.String()
		}
		list = append(list, d)
	}
	return list
}

func (m *merge) metrics(r delta.RowChangeMetrics) map[string]string {
	rows := map[[2]string]int64{}
	for _, c := range m.clauses {
		rows[[2]string{c.Kind, c.Action}] += c.leave.len()
	}
	return map[string]string{
		"numSourceRows":                          text(m.sourceRows),
		"numTargetRowsInserted":                  text(r.InsertedRows),
		"numTargetRowsUpdated":                   text(r.UpdatedRows),
		"numTargetRowsDeleted":                   text(r.DeletedRows),
		"numTargetRowsCopied":                    text(r.CopiedRows),
		"numTargetRowsMatchedUpdated":            text(rows[[2]string{matched, "UPDATE"}]),
		"numTargetRowsMatchedDeleted":            text(rows[[2]string{matched, "DELETE"}]),
		"numTargetRowsNotMatchedBySourceUpdated": text(rows[[2]string{notMatchedBySource, "UPDATE"}]),
		"numTargetRowsNotMatchedBySourceDeleted": text(rows[[2]string{notMatchedBySource, "DELETE"}]),
		"numOutputRows":                          text(r.InsertedRows + r.UpdatedRows + r.CopiedRows),
		"numTargetFilesAdded":                    text(r.AddedFiles),
		"numTargetFilesRemoved":                  text(r.RemovedFiles),
		"numTargetBytesAdded":                    text(r.AddedBytes),
		"numTargetBytesRemoved":                  text(r.RemovedBytes),
		"numTargetChangeFilesAdded":              text(r.ChangeFiles),
		"numTargetChangeFileBytes":               text(r.ChangeBytes),
		"numTargetDeletionVectorsAdded":          text(r.VectorsAdded),
		"numTargetDeletionVectorsRemoved":        text(r.VectorsRemoved),
		"numTargetDeletionVectorsUpdated":        text(r.VectorsUpdated),
		"executionTimeMs":                        m.millis(),
		"materializeSourceTimeMs":                m.gathered,
		"scanTimeMs":                             m.scanned,
		"rewriteTimeMs":                          text(r.RewriteTime.Milliseconds()),
	}
}
