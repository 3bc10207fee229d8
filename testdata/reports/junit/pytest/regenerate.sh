#!/bin/sh
# Makes report.xml with pytest (Debian: python3-pytest, here 7.2), report-broken.xml with a file that
# cannot be imported, after which pytest runs nothing, and report-first.xml, which ends with the first failure.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh python3-pytest
run() {
  out=$1
  shift
  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ${PYTHON:-/usr/bin/python3} -B -m pytest -q -p no:cacheprovider -o junit_logging=system-out --junitxml="$out" "$@" >/dev/null && exit 1
  sed -i -e "s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' "$out"
}
run report.xml test_sample.py
run report-broken.xml test_sample.py test_broken.py
run report-first.xml -x test_sample.py
