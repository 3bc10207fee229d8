#!/bin/sh
# Makes report.tap with tape, and report-throws.tap of a file that dies.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.js "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" tape@5.9.0
run() {
  (cd "$work" && node "$2" >"$work/out" 2>/dev/null) && exit 1
  sed -e "s#$work#/src#g" "$work/out" >"$1"
}
run report.tap shop.js
run report-throws.tap throws.js
