#!/bin/sh
# Makes report.xml with mocha and mocha-junit-reporter. Needs Node.js and npm.
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
npm install --silent --no-audit --no-fund --prefix "$tools" mocha@11.7.1 mocha-junit-reporter@2.2.1
"$tools/node_modules/.bin/mocha" --reporter "$tools/node_modules/mocha-junit-reporter" \
  --reporter-options mochaFile="$(pwd)/report.xml,includePending=true" sample.spec.js || true
sed -i -e "s#$tools#/tools#g" -e "s#$(pwd)#/src#g" report.xml
