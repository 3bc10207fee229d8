#!/bin/sh
# Makes report.xml with bats (Debian: bats), and report-cut-off.xml: bats ends before its report is
# written, so whoever reads at once may find no more than that.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh bats
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
bats --report-formatter junit --output "$tools" sample.bats broken.bats || true
for _ in $(seq 100); do
  grep -qs '</testsuites>' "$tools/report.xml" && break
  sleep 0.1
done
grep -q '</testsuites>' "$tools/report.xml"
sed -e "s#$(pwd)#/src#g" -e "s#hostname=\"[^\"]*\"#hostname=\"host\"#g" "$tools/report.xml" > report.xml
sed -e '/<testsuite name="broken/,$d' report.xml > report-cut-off.xml
