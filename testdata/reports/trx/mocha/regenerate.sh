#!/bin/sh
# Makes report.trx with mocha and mocha-trx-reporter.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" mocha@11.7.1 mocha-trx-reporter@3.3.1
cp shop.spec.js "$work"
(cd "$work" && node_modules/.bin/mocha --reporter mocha-trx-reporter --reporter-options output="$work/report.trx" shop.spec.js >/dev/null 2>&1) && exit 1
sed -e "s#$work#/src#g" -e "s#\"[a-z]*@$(hostname) #\"user@host #g" -e "s#$(hostname)#host#g" -e 's#\(runUser\|userName\)="[^"]*"#\1="user"#g' "$work/report.trx" >report.trx
