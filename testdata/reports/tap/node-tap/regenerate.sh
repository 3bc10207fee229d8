#!/bin/sh
# Makes the reports with node-tap: report.tap of one file run by node, report-runner.tap of both by its
# runner, and report-bail.tap of a file that bails out.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.cjs "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" tap@18.8.0
run() {
  out=$1
  shift
  (cd "$work" && "$@" >"$work/out" 2>/dev/null) && exit 1
  sed -E -e "s#$work#/src#g" -e 's/# time=[0-9.]*m?s/# time=1ms/' "$work/out" >"$out"
}
run report.tap node shop.test.cjs
run report-bail.tap node bail.test.cjs
run report-runner.tap node_modules/.bin/tap run --reporter=tap --disable-coverage --jobs=1 shop.test.cjs
