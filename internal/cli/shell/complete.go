package shell

import (
	"strings"

	"github.com/freshet/freshet/internal/sql"
)

// Complete reports whether what was typed can be executed: a command of the
// shell, nothing at all, or SQL whose last statement has its semicolon.
func Complete(text string) bool {
	return isCommand(strings.TrimSpace(text)) || sql.Complete(text)
}
