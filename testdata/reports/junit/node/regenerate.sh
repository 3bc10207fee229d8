#!/bin/sh
# Makes report.xml with Node's own test runner (Node.js 20 or newer).
set -eu
cd "$(dirname "$0")"
node --test --test-reporter=junit --test-reporter-destination=report.xml sample.test.mjs || true
sed -i -e "s#$(pwd)#/src#g" -e "s#hostname=\"[^\"]*\"#hostname=\"host\"#g" report.xml
