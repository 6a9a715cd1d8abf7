#!/usr/bin/env bash
# The manufacturing demo: makes factory data, loads it into Delta tables and
# looks at them. Writes ./demo-data and nothing else; run it again any time.
# usage: demo.sh FRESHET [SIZE]
set -euo pipefail
freshet=$(realpath "$1")
size=${2:-40MB}
sql=$(cd "$(dirname "$0")" && pwd)

run() {
	printf '\n\033[1m%s\033[0m\n$ freshet' "$1"
	shift
	printf ' %q' "$@"
	echo
	"$freshet" "$@"
}

rm -rf demo-data
export FRESHET_WORKSPACE=demo-data/lake
started=$SECONDS

run "A day of a factory, with bad rows, duplicates, late files and drift" \
	generate --out demo-data --size "$size" --seed 42 --bad 0.002 --duplicates 0.001 --late 0.25 --drift
run "Load sensors and quality metrics into new Delta tables" sql -f "$sql/load.sql"
run "Load the equipment logs" sql -f "$sql/copy.sql"
run "Load them again: nothing is new, nothing is loaded twice" sql -f "$sql/copy.sql"
run "Ask questions" sql -f "$sql/query.sql"
run "See the data that did not fit" sql -f "$sql/rescued.sql"
run "See what happened to the tables" sql --format json -f "$sql/history.sql"

printf '\nDone in %d s. The tables are open Delta Lake tables below demo-data/lake; Spark, delta-rs and DuckDB read them.\n' $((SECONDS - started))
printf 'Go on with: bin/freshet sql --workspace demo-data/lake\n'
