package session_test

import "testing"

// TestExpectationsOfViews: views keep no rows that could be counted, so that
// their expectations are refused rather than forgotten.
func TestExpectationsOfViews(t *testing.T) {
	w := newWorkspace(t)
	for _, kind := range []string{"VIEW", "TEMPORARY VIEW"} {
		w.failing("CREATE "+kind+" v (x COMMENT 'c', CONSTRAINT big EXPECT (x > 0) ON VIOLATION DROP ROW) AS SELECT 1 AS x", "UNSUPPORTED_FEATURE.TABLE_OPERATION")
		w.failing("SELECT * FROM v", "TABLE_OR_VIEW_NOT_FOUND")
	}
}
