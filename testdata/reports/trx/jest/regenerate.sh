#!/bin/sh
# Makes report.trx with jest and jest-trx-results-processor, and report-broken.trx with a file that
# cannot be loaded.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.test.js "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" jest@29.7.0 jest-trx-results-processor@3.0.2
run() {
  out=$1
  shift
  cat >"$work/jest.config.js" <<JS
module.exports = { rootDir: '$work', reporters: [['jest-trx-results-processor', { outputFile: '$work/$out' }]] };
JS
  (cd "$work" && node_modules/.bin/jest --ci "$@" >/dev/null 2>&1) && exit 1
  sed -e "s#$work#/src#g" -e "s#\"[a-z]*@$(hostname) #\"user@host #g" -e "s#$(hostname)#host#g" -e 's#\(runUser\|userName\)="[^"]*"#\1="user"#g' "$work/$out" >"$out"
}
run report.trx shop.test.js
run report-broken.trx shop.test.js broken.test.js
