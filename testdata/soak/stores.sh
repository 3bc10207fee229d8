#!/bin/bash
# Kills writers and compacters of a directory and of real registries, KILLS (default 200) of each at random
# moments, and writes a row for each of STORES (a regular expression; default all) to testdata/soak/STORES.md;
# rows of stores that were not run now stay as they are. The tests of core/store and core/store/oci do it, which
# kill fewer, and those of the registry in tests' own process as well.
set -uo pipefail
cd "$(dirname "$0")/../.."
results=testdata/soak/STORES.md
commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -uno -- . ':!testdata/soak/*.md')" ] || commit="$commit, changed"
load() { cut -d ' ' -f 1 /proc/loadavg 2>/dev/null || echo unknown; }
testdata/registries/build.sh >/dev/null || exit
row=$(mktemp)
trap 'rm -f "$row" "$results.$$"' EXIT
failed=0
while read -r store package tests; do
	[[ $store =~ ^(${STORES:-.*})$ ]] || continue
	echo "== $store"
	: >"$row"
	before=$(load)
	ASSAY_KILLS=${KILLS:-200} ASSAY_KILLS_TABLE=$row go test -count=1 -timeout 2h -run "$tests" "$package" || failed=1
	[ -s "$row" ] || { echo "stores.sh: $store was not run to its end" >&2; failed=1; continue; }
	(
		! command -v flock >/dev/null 2>&1 || flock 9
		{
			echo "# What killing writers saw"
			echo
			echo 'Written by `make soak-stores`, which `make soak` calls. What is **bold** fell short. A writer appends entry after'
			echo 'entry, every other one signed, while a compacter writes the segments of all days again and again. Each is killed'
			echo 'with SIGKILL at a random moment, and the next ones begin with what they left. After each such pair of kills all'
			echo 'entries are read, and what came since with its files and signatures, and all segments; at the end everything is'
			echo 'read once more, an index is made of it, and some of it is verified. Load is the average of a minute, before and after.'
			echo
			echo '| store | killed | kills | acknowledged entries | acknowledged compactions | lost | doubled | unreadable | seconds | outcome | date | load | commit |'
			echo '|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|---|'
			{
				grep -s '^| ' "$results" | grep -v -e '^| store |' -e "^| $store |"
				echo "$(cat "$row") $(date -u +%F) | $before, $(load) | $commit |"
			} | LC_ALL=C sort
		} >"$results.$$"
		mv "$results.$$" "$results"
	) 9>"${TMPDIR:-/tmp}/assay-soak-stores.lock"
done <<'END'
directory ./core/store ^TestKilled$
distribution ./core/store/oci ^TestKilled$/^distribution$
olareg ./core/store/oci ^TestKilled$/^olareg$
END
exit $failed
