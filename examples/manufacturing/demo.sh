#!/usr/bin/env bash
# The manufacturing demo: makes factory data, runs a pipeline from the files to
# answers, and looks at them. Writes ./demo-data and nothing else; run it again
# any time.
# usage: demo.sh FRESHET [SIZE]
set -euo pipefail
freshet=$(realpath "$1")
size=${2:-40MB}
pipeline=$(cd "$(dirname "$0")" && pwd)

run() {
	printf '\n\033[1m%s\033[0m\n$ freshet' "$1"
	shift
	printf ' %q' "$@"
	echo
	"$freshet" "$@"
}

ask() {
	printf '\n\033[1m%s\033[0m\n%s\n' "$1" "$2"
	"$freshet" sql --quiet -e "$2"
}

rm -rf demo-data
export FRESHET_WORKSPACE=demo-data/lake
started=$SECONDS

run "A day of a factory, with bad rows, duplicates, late files and drift" \
	generate --out demo-data --size "$size" --seed 42 --bad 0.002 --duplicates 0.001 --late 0.25 --drift
run "Bronze, silver and gold, in the order that the queries ask for" run "$pipeline"
run "Once more: nothing is new, nothing is loaded or computed twice" run "$pipeline"
printf '%s\n' '{"event_id":"E-new","timestamp":"2026-01-02T00:00:00Z","equipment":{"id":"oven-00","line":"L1"},"level":"ERROR","message":"door open"}' \
	>demo-data/logs/json/late.json
run "A file comes late: what depends on it is brought up to date, from what is new alone" run "$pipeline"
ask "The hottest lines" "SELECT * FROM manufacturing_gold.lines ORDER BY avg_temperature DESC LIMIT 3"
ask "What the machines complain about most" "SELECT line, level, message, events FROM manufacturing_gold.complaints ORDER BY events DESC, line, level, message LIMIT 3"
ask "First-pass yield" "SELECT * FROM manufacturing_gold.yield ORDER BY yield_percent LIMIT 3"
ask "Rows that did not fit their columns are there, with what did not fit" \
	"SELECT sensor_id, temperature, battery, _rescued_data FROM manufacturing_bronze.readings WHERE _rescued_data IS NOT NULL LIMIT 3"
ask "How many rows were rescued" "SELECT count(*) AS rescued_rows FROM manufacturing_bronze.readings WHERE _rescued_data IS NOT NULL"
ask "Every batch is a version of its table" "SELECT version, operation, operationMetrics['numOutputRows'] AS rows FROM (DESCRIBE HISTORY manufacturing_bronze.events)"
ask "What happened is in the event log" \
	"SELECT origin.dataset_name, count(*) AS events FROM event_log('manufacturing') GROUP BY 1 ORDER BY 1"
run "The flows of the streaming tables" stream ls

printf '\nDone in %d s. The tables are open Delta Lake tables below demo-data/lake; Spark, delta-rs and DuckDB read them.\n' $((SECONDS - started))
printf 'Go on with: bin/freshet sql --workspace demo-data/lake\n'
