#!/bin/bash
# Fuzzes every target that is called as FUZZ says (a regular expression; default all), each for
# FUZZTIME (default 2m), and writes a row for each into testdata/soak/FUZZ.md; rows of targets that
# were not fuzzed now stay as they are, and those of targets that are no more go. FUZZPARALLEL is the number of workers (default: all cores).
# An input that fails is kept by go in testdata/fuzz beside the target: mend, and commit it as a seed.
set -uo pipefail
cd "$(dirname "$0")/.."
results=testdata/soak/FUZZ.md
time=${FUZZTIME:-2m}
commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -uno -- . ':!testdata/soak/*.md')" ] || commit="$commit, changed"
log=$(mktemp)
targets=$(mktemp)
trap 'rm -f "$log" "$targets"' EXIT
# file:func name, sorted.
grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' core cmd integrations | sort >"$targets"
failed=0
while IFS=: read -r file line; do
	target=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
	package=./$(dirname "$file")
	[[ $target =~ ^(${FUZZ:-.*})$ ]] || continue
	echo "== $package $target"
	outcome=ok
	go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x ${FUZZPARALLEL:+-parallel "$FUZZPARALLEL"} 2>&1 | tee "$log" | grep -v '^fuzz: elapsed'
	[ "${PIPESTATUS[0]}" -eq 0 ] || { outcome='**failed**'; failed=1; }
	last=$(grep '^fuzz: elapsed' "$log" | tail -n 1)
	executions=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' <<<"$last")
	interesting=$(sed -nE 's/.*new interesting: ([0-9]+) \(total: ([0-9]+)\).*/\1 (\2 in all)/p' <<<"$last")
	echo "   ${executions:-0} executions, $interesting, $outcome"
	rows=$(grep -s '^| ' "$results" | grep -F -f <(sed -E 's,/[^/]*:func (Fuzz.*),| \1 |,; s,^([^|]*)\|,| \1 |,' "$targets") | grep -v "^| ${package#./} | $target |")
	{
		echo "# What fuzzing saw"
		echo
		echo 'Written by `make fuzz`, which `make soak` calls. Each target holds, for any bytes, what the comment over it says.'
		echo
		echo '| package | target | time | executions | new inputs | commit | outcome |'
		echo '|---|---|---:|---:|---|---|---|'
		{
			[ -z "$rows" ] || echo "$rows"
			echo "| ${package#./} | $target | $time | ${executions:-0} | $interesting | $commit | $outcome |"
		} | LC_ALL=C sort
	} >"$results.new"
	mv "$results.new" "$results"
done <"$targets"
exit $failed
