#!/bin/sh
# Makes the reports of this directory with Node 20, Karma 6.4.4 and its reporters from npm, and Debian's Chromium: sh regenerate.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/*.spec.js "$here/karma.conf.js" "$work"
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund karma@6.4.4 karma-jasmine@5.1.0 jasmine-core@4.6.1 karma-chrome-launcher@3.2.0 karma-json-reporter@1.2.1 karma-structured-json-reporter@1.0.1
export CHROME_BIN=/usr/bin/chromium
run() { FILES=$1 REPORTER=$2 REPORT=$3 npx karma start karma.conf.js || true; }
run cart.spec.js json report.json
run 'teardown.spec.js cart.spec.js' json-result report-structured.json
run teardown.spec.js json report-teardown.json
run focused.spec.js json report-focused.json
run 'cart.spec.js broken.spec.js' json-result report-structured-broken.json
run interrupted.spec.js json report-interrupted.json
head -c 4000 report.json >report-cut-off.json
for report in report*.json; do sed "s#$work#/src#g" "$report" >"$here/$report"; done
