package session_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No statement, whether it succeeded, failed or was cancelled, leaves a
// goroutine behind once its session is closed.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
