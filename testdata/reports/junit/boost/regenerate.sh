#!/bin/sh
# Makes report.xml with the JUNIT log of Boost.Test (Debian: libboost-test-dev, here 1.74) about the
# tests of ../../boost/boost.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh libboost-test-dev g++
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 -w ../../boost/boost/fixture.cpp -o "$work/fixture"
"$work/fixture" --log_format=JUNIT --log_level=all --log_sink="$work/report.xml" >/dev/null 2>&1 && exit 1
sed -e "s#$work#/src#g" "$work/report.xml" >report.xml
