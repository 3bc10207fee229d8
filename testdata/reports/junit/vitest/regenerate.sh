#!/bin/sh
# Makes report.xml with vitest. Needs Node.js and npm.
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
cp ./*.test.js "$tools"
echo '{"type":"module"}' > "$tools/package.json"
npm install --silent --no-audit --no-fund --prefix "$tools" vitest@3.2.4
(cd "$tools" && node_modules/.bin/vitest run --reporter=junit --outputFile=report.xml) || true
cp "$tools/report.xml" report.xml
sed -i -e "s#$tools#/src#g" -e "s#hostname=\"[^\"]*\"#hostname=\"host\"#g" report.xml
