#!/bin/sh
# Makes report-log.xml and report.xml by running Boost.Test (Debian: libboost-test-dev, here 1.74).
# BOOST_INCLUDE names the directory of the headers where they are not installed.
cd "$(dirname "$0")" || exit 1
build=$(mktemp -d)
g++ -O0 -w ${BOOST_INCLUDE:+-I"$BOOST_INCLUDE"} fixture.cpp -o "$build/fixture" || exit 1
"$build/fixture" --log_level=all --log_format=XML --log_sink=report-log.xml --report_format=XML --report_level=detailed --report_sink=report.xml
rm -r "$build"
