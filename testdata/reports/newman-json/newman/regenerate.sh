#!/bin/sh
# Makes the reports of this directory with Node 20 and newman 6.2.2 from npm: sh regenerate.sh
# shop.js answers the requests of collection.json on port 18089.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cp "$here/shop.js" "$here/collection.json" "$work"
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund newman@6.2.2
node shop.js &
shop=$!
trap 'kill $shop; rm -rf "$work"' EXIT
sleep 1
npx newman run collection.json --reporters json --reporter-json-export report.json || true
npx newman run collection.json -n 2 --folder lines --reporters json --reporter-json-export report-iterations.json || true
npx newman run collection.json --folder lines --bail --reporters json --reporter-json-export report-bail.json || true
head -c 20000 report.json >report-cut-off.json
for report in report*.json; do sed "s#$work#/src#g" "$report" >"$here/$report"; done
