#!/bin/sh
# Makes report-log.xml and report.xml by running Boost.Test (Debian: libboost-test-dev, here 1.74).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh libboost-test-dev g++
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 -w fixture.cpp -o "$work/fixture"
"$work/fixture" --log_level=all --log_format=XML --log_sink="$work/report-log.xml" \
  --report_format=XML --report_level=detailed --report_sink="$work/report.xml" >/dev/null 2>&1 && exit 1
cp "$work"/report*.xml .
