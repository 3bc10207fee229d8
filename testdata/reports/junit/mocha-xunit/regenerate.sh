#!/bin/sh
# Makes report.xml with mocha's own xunit reporter.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" mocha@11.7.1
"$work/node_modules/.bin/mocha" --reporter xunit --reporter-options output="$work/report.xml" sample.spec.js && exit 1
sed -e "s#$work#/tools#g" -e "s#$(pwd)#/src#g" "$work/report.xml" >report.xml
