#!/bin/sh
# Makes the reports with Karma, Jasmine and karma-junit-reporter in Debian's Chromium: report.xml,
# report-broken.xml of a file that cannot be loaded, and report-focus.xml, where one test is focused.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh chromium
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.js "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" karma@6.4.4 karma-jasmine@5.1.0 karma-chrome-launcher@3.2.0 karma-junit-reporter@2.0.1
run() {
  (cd "$work" && CHROME_BIN=/usr/bin/chromium FILE=$2 OUT=$1 node_modules/.bin/karma start karma.conf.js --no-colors >/dev/null 2>&1) || [ $? -eq 1 ]
  sed -e "s#$work#/src#g" -e "s#localhost:[0-9]*#localhost:9876#g" -e 's#hostname="[^"]*"#hostname="host"#g' -e 's#Chrome[ A-Za-z]* [0-9.]*#Chrome Headless#g' "$work/$1" >"$1"
}
run report.xml shop.spec.js
run report-broken.xml broken.spec.js
run report-focus.xml focus.spec.js
