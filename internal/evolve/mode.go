// Package evolve decides what schemas become: by hints, by the union of
// several files' schemas, by data that brings new columns or wider types.
// Its functions are pure and never change their arguments.
package evolve

import (
	"strings"

	"github.com/freshet/freshet/internal/errclass"
)

// Mode says what a source does when data no longer fits its schema
// (semantics §3.6).
type Mode int

// The evolution modes.
const (
	AddNewColumns                 Mode = iota // fail once, then go on with the new columns
	AddNewColumnsWithTypeWidening             // the same, also for types that widen
	Rescue                                    // never fail and never change; new columns are rescued
	FailOnNewColumns                          // fail until someone changes the schema or the files
	None                                      // pass over new columns
)

var modeNames = [...]string{"addNewColumns", "addNewColumnsWithTypeWidening", "rescue", "failOnNewColumns", "none"}

// ModeNames returns the modes as users write them.
func ModeNames() []string { return modeNames[:] }

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads the value of option schemaEvolutionMode, ignoring case.
func ParseMode(text string) (Mode, error) {
	for i, name := range modeNames {
		if strings.EqualFold(name, text) {
			return Mode(i), nil
		}
	}
	return 0, errclass.New("INVALID_OPTION_VALUE", "42K06", "option schemaEvolutionMode is %q; it must be one of %s", text, strings.Join(modeNames[:], ", "))
}
