#!/bin/sh
# Makes the reports with AVA's TAP reporter: report.tap, report-hook.tap, whose before hook fails, and
# report-broken.tap of a file that cannot be loaded.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.mjs "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" ava@6.4.1
run() {
  (cd "$work" && node_modules/.bin/ava --tap --serial "$2" >"$work/out" 2>/dev/null) && exit 1
  sed -e "s#$work#/src#g" "$work/out" >"$1"
}
run report.tap shop.test.mjs
run report-hook.tap hook.test.mjs
run report-broken.tap broken.test.mjs
