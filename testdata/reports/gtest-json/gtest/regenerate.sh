#!/bin/sh
# Makes the reports of this directory with Debian's g++ and libgtest-dev (here 1.12.1): sh regenerate.sh
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 shop.cpp -lgtest -pthread -o "$work/shop"
"$work/shop" --gtest_output=json:report.json || true
"$work/shop" --gtest_filter='Cart.Passes' --gtest_output=json:report-one.json
# A failure outside of tests, in front of which GoogleTest 1.12 leaves a comma out.
CLOSE=1 "$work/shop" --gtest_filter='Cart.Passes' --gtest_output=json:report-teardown.json || true
head -c 1500 report.json >report-cut-off.json
