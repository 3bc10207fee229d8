#!/bin/sh
# Makes report.xml with jest and jest-junit. Needs Node.js and npm.
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
cp ./*.test.js "$tools"
npm install --silent --no-audit --no-fund --prefix "$tools" jest@29.7.0 jest-junit@16.0.0
(cd "$tools" && JEST_JUNIT_OUTPUT_FILE=report.xml JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true \
  node_modules/.bin/jest --ci --rootDir "$tools" --reporters=jest-junit) || true
cp "$tools/report.xml" report.xml
sed -i -e "s#$tools#/src#g" report.xml
