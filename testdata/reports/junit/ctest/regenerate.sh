#!/bin/sh
# Makes report.xml with CTest's --output-junit (Debian: cmake, here 3.25), and report-retried.xml with a
# second try of what failed.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh cmake make
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S . -B "$work" >/dev/null
(cd "$work" && ctest -Q --output-junit report.xml) || [ $? -eq 8 ]
rm "$work/mark"
(cd "$work" && ctest -Q --repeat until-pass:2 -R 'flaky|passes|^fails' --output-junit report-retried.xml) || [ $? -eq 8 ]
for f in report.xml report-retried.xml; do
  sed -e "s#$work#/build#g" -e "s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' -e '/<testsuite /s#name="[^"]*"#name="Linux"#' "$work/$f" >"$f"
done
