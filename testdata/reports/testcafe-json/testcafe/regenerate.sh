#!/bin/sh
# Makes the reports of this directory with Node 20, TestCafe 3.7.6 from npm and Debian's Chromium: sh regenerate.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/*.test.js "$here/page.html" "$work"
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund testcafe@3.7.6 testcafe-reporter-json@2.2.0
run() {
	report=$1
	shift
	npx testcafe 'chromium:headless --no-sandbox' "$@" -r "json:$report" || true
}
run report.json cart.test.js
run report-quarantine.json cart.test.js --quarantine-mode
run report-focused.json focused.test.js
run report-stopped.json stopped.test.js --stop-on-first-fail
head -c 4000 report.json >report-cut-off.json
for report in report*.json; do sed "s#$work#/src#g" "$report" >"$here/$report"; done
