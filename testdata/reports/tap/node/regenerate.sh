#!/bin/sh
# Makes the report with Node's own test runner (here 20).
set -eu
cd "$(dirname "$0")"
{ node --test --test-reporter tap shop.test.mjs || true; } | sed "s#$(pwd)#/src#g" >report.tap
