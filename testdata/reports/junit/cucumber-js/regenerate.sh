#!/bin/sh
# Makes report.xml with the junit formatter of cucumber-js, report-retried.xml with a second try of what
# failed, and report-first.xml, which ends with the first failure.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r features "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" @cucumber/cucumber@12.9.0
run() {
  out=$1
  shift
  (cd "$work" && node_modules/.bin/cucumber-js --format "junit:$out" --format-options '{"colorsEnabled":false}' "$@" >/dev/null 2>&1) && exit 1
  sed -e "s#$work#/src#g" "$work/$out" >"$out"
}
run report.xml
run report-retried.xml --retry 1
run report-first.xml --fail-fast
