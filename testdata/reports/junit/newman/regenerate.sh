#!/bin/sh
# Makes the reports with newman's junit reporter, against a small server on the loopback: report.xml,
# report-iterations.xml of two iterations, and report-bail.xml, which ends with the first failure.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" newman@6.2.1
node -e "
const s = require('http').createServer((q, r) => { r.statusCode = q.url === '/fail' ? 500 : 200; r.end('ok'); });
s.listen(0, '127.0.0.1', () => require('fs').writeFileSync('$work/port', String(s.address().port)));" &
server=$!
while ! [ -s "$work/port" ]; do sleep 0.1; done
host=127.0.0.1:$(cat "$work/port")
run() {
  out=$1
  shift
  "$work/node_modules/.bin/newman" run shop.json -r junit --reporter-junit-export "$work/$out" --env-var "host=$host" "$@" >/dev/null 2>&1 && exit 1
  sed -e "s#$work#/src#g" -e "s#$host#127.0.0.1:8080#g" "$work/$out" >"$out"
}
run report.xml
run report-iterations.xml -n 2 --folder cart
run report-bail.xml --bail
