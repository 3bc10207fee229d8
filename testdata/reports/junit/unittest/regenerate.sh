#!/bin/sh
# Makes the reports of Python's unittest with unittest-xml-reporting (Debian: python3-xmlrunner, here
# 3.2): report.xml, and report-broken.xml with a file that cannot be imported.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh python3-xmlrunner
run() {
  out=$1
  shift
  ${PYTHON:-/usr/bin/python3} -B -m xmlrunner --output-file "$out" "$@" >/dev/null 2>&1 && exit 1
  # The names of suites hold the time.
  sed -i -e "s#$(pwd)#/src#g" -e 's#object at 0x[0-9a-f]*#object at 0x0#g' -e 's#-20[0-9]\{12\}"#-20260101000000"#g' "$out"
}
run report.xml test_shop
run report-broken.xml test_broken test_shop.Shop.test_passes
