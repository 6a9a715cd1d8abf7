package autoloader_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/autoloader"
)

// load runs the flow until there is nothing left that another run of it would
// do, as a refresh does, and tells how often it has begun anew for a guess.
func (l *landing) load() (guesses int, err error) {
	for {
		err = l.run()
		unknown, evolved := errors.AsType[*autoloader.UnknownFieldError](err)
		_, guessed := errors.AsType[*autoloader.GuessError](err)
		if guessed {
			guesses++
		} else if !evolved || !unknown.Evolved {
			return guesses, err
		}
	}
}

// outcome is all that is left of a load: how it ended, the columns and rows in
// their order, and the versions of the schema.
func (l *landing) outcome(err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "error: %v\ncolumns: %v\n", err, l.columns)
	for _, batch := range l.batches {
		fmt.Fprintf(&b, "batch %d\n%s\n", batch.id, strings.Join(batch.rows, "\n"))
	}
	for in, err := range l.checkpoint.List(l.t.Context(), "sources/0/_schemas/", "") {
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := object.ReadAll(l.t.Context(), l.checkpoint, in.Name(), 1<<20)
		if err != nil {
			l.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", in.Name(), body)
	}
	return b.String()
}

// values are texts of fields that fit one type, and those that do not fit the
// types before them.
var values = []string{
	"1", "-7", "3000000000", "99999999999999999999", "1.5", "-2e3", "2026-01-02", "2026-01-02 03:04:05", "2026-01-02T03:04:05.123Z",
	"true", "false", "x", "", "NaN", "0123", " 5", "12:30", "1999",
}

// drifting writes files of a few columns whose values are of one type, except
// that some file, or none, has others, new columns, or columns in another
// order. Mostly it is the last row of the last file that does.
func drifting(l *landing, r *rand.Rand, csv bool) {
	columns := []string{"a", "b", "c"}[:1+r.IntN(3)]
	usual := make([]string, len(columns))
	for i := range usual {
		usual[i] = values[r.IntN(len(values))]
	}
	files, rows := 2+r.IntN(4), 1+r.IntN(4)
	odd := files - 1
	if r.IntN(3) == 0 {
		odd = r.IntN(files + 1)
	}
	for f := range files {
		names := slices.Clone(columns)
		if f == odd && r.IntN(3) == 0 {
			names = append(names, []string{"d", "A", "e"}[r.IntN(3)])
			r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		}
		var text strings.Builder
		if csv {
			text.WriteString(strings.Join(names, ",") + "\n")
		}
		for row := range rows {
			fields := make([]string, len(names))
			for i := range fields {
				v := usual[min(i, len(usual)-1)]
				if f == odd && row == rows-1 && r.IntN(2) == 0 {
					v = values[r.IntN(len(values))]
				}
				fields[i] = v
				if !csv {
					fields[i] = fmt.Sprintf("%q:%s", names[i], jsonValue(r, v))
				}
			}
			if csv {
				text.WriteString(strings.Join(fields, ",") + "\n")
			} else {
				text.WriteString("{" + strings.Join(fields, ",") + "}\n")
			}
		}
		l.put(fmt.Sprintf("%d", f), text.String())
	}
}

// jsonValue is a text as JSON has it.
func jsonValue(r *rand.Rand, text string) string {
	switch {
	case text == "":
		return "null"
	case r.IntN(12) == 0:
		return `{"x":` + jsonValue(r, "7") + `}`
	case r.IntN(12) == 0:
		return `[1,` + jsonValue(r, "2.5") + `]`
	case slices.Contains([]string{"1", "-7", "3000000000", "99999999999999999999", "1.5", "-2e3", "true", "false", "1999"}, text):
		return text
	}
	return fmt.Sprintf("%q", text)
}

// A first load that guesses its schema ends as one that infers it first: the
// same columns in the same order, the same rows with the same rescued data,
// the same versions of the schema, or the same failure.
func TestGuessEndsAsInference(t *testing.T) {
	cases := 200
	if os.Getenv("FRESHET_SOAK") != "" {
		cases = 5000
	}
	guesses := 0
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 7))
		csv := seed%2 == 0
		options := map[string]string{"cloudFiles.format": "json", "cloudFiles.inferColumnTypes": strconv.FormatBool(r.IntN(5) > 0)}
		if csv {
			options["cloudFiles.format"], options["header"] = "csv", "true"
		}
		modes := []string{"addNewColumns", "addNewColumnsWithTypeWidening", "failOnNewColumns", "rescue", "none"}
		options["cloudFiles.schemaEvolutionMode"] = modes[r.IntN(len(modes))]
		for _, o := range [][2]string{
			{"cloudFiles.schemaHints", "b DATE, z BIGINT"},
			{"readerCaseSensitive", "false"},
			{"cloudFiles.maxFilesPerTrigger", "2"},
			{"mode", "DROPMALFORMED"},
			{"mode", "FAILFAST"},
			{"cloudFiles.maxBytesPerTrigger", "60b"},
			{"prefersDecimal", "true"},
			{"timestampFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSX"},
			{"dateFormat", "yyyy-MM-dd"},
			{"primitivesAsString", "true"},
			{"inferTimestamp", "true"},
		} {
			ofJSON := strings.HasPrefix(o[0], "p") || o[0] == "inferTimestamp"
			if r.IntN(8) == 0 && !(csv && ofJSON) {
				options[o[0]] = o[1]
			}
		}
		plain := newLanding(t, options)
		drifting(plain, r, csv)
		_, err := plain.load()
		want := plain.outcome(err)

		guessing := newLanding(t, options)
		guessing.files, guessing.now, guessing.guess = plain.files, plain.now, 1+int64(r.IntN(12))
		n, err := guessing.load()
		guesses += n
		if got := guessing.outcome(err); got != want {
			t.Fatalf("seed %d, options %v, files %s: a guess from %d bytes ends in\n%s\nwant\n%s", seed, options, texts(t, plain.files), guessing.guess, got, want)
		}
	}
	if guesses < cases/20 {
		t.Errorf("%d of %d loads guessed wrong; the inputs do not show much", guesses, cases)
	}
}

func texts(t *testing.T, files *mem.Store) string {
	t.Helper()
	var b strings.Builder
	for in, err := range files.List(t.Context(), "in/", "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := object.ReadAll(t.Context(), files, in.Name(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n%s: %q", in.Name(), body)
	}
	return b.String()
}
