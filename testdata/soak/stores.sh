#!/bin/bash
# Kills writers and compacters of a directory and of real registries at KILLS (default 200) random moments, and
# writes what was seen to testdata/soak/STORES.md: as the tests of core/store and core/store/oci do, which kill
# fewer, and those of the registry in tests' own process as well.
set -uo pipefail
cd "$(dirname "$0")/../.."
results=$PWD/testdata/soak/STORES.md
commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -uno -- . ':!testdata/soak/*.md')" ] || commit="$commit, changed"
load() { cut -d ' ' -f 1 /proc/loadavg 2>/dev/null || echo unknown; }
before=$(load)
testdata/registries/build.sh >/dev/null || exit
table=$(mktemp)
trap 'rm -f "$table"' EXIT
export ASSAY_KILLS=${KILLS:-200} ASSAY_KILLS_TABLE=$table
outcome=ok
go test -count=1 -p 1 -timeout 2h -run '^TestKilled$/^(distribution|olareg)$' ./core/store ./core/store/oci || outcome='**failed**'
{
	echo "# What killing writers saw"
	echo
	echo 'Written by `make soak-stores`, which `make soak` calls. What is **bold** fell short. A writer appends entry after entry,'
	echo 'every other one signed, while a compacter writes the segments of all days again and again; each is killed with'
	echo 'SIGKILL at a random moment, and the next ones begin with what they left. After each such pair of kills all'
	echo 'entries are read, with the files, the signatures and the segments.'
	echo
	echo "- commit: $commit"
	echo "- date: $(date -u +%F)"
	echo "- cores: $(getconf _NPROCESSORS_ONLN)"
	echo "- load: $before before, $(load) after (average of a minute)"
	echo "- outcome: $outcome"
	echo
	echo '| store | killed | kills | acknowledged entries | acknowledged compactions | lost | doubled | unreadable | seconds | outcome |'
	echo '|---|---|---:|---:|---:|---:|---:|---:|---:|---|'
	cat "$table"
} >"$results.new" && mv "$results.new" "$results"
[ "$outcome" = ok ]
