#!/bin/sh
# Makes the reports, one a class, with minitest-reporters (Debian: ruby-minitest-reporters, here 1.0).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh ruby-minitest ruby-minitest-reporters
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
REPORTS=$work ruby shop_test.rb --seed 1 >/dev/null && exit 1
for f in "$work"/TEST-*.xml; do
  name=$(basename "$f" .xml)
  sed -e "s#$(pwd)#/src#g" "$f" >"report-${name#TEST-}.xml"
done
