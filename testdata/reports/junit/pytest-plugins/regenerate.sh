#!/bin/sh
# Makes the reports with pytest's plugins (Debian): report-reruns.xml with pytest-rerunfailures,
# report-subtests.xml with pytest-subtests, report-xdist.xml with two workers of pytest-xdist,
# report-crash.xml where one of them dies, and report-internal-error.xml where a plugin that another
# needs is missing.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh python3-pytest python3-pytest-xdist python3-pytest-rerunfailures python3-pytest-subtests
run() {
  out=$1
  shift
  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ${PYTHON:-/usr/bin/python3} -B -m pytest -q -p no:cacheprovider --junitxml="$out" "$@" >/dev/null 2>&1 && exit 1
  # Which worker runs a test is chance.
  sed -i -e "s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' -e 's#object at 0x[0-9a-f]*#object at 0x0#g' -e "s#\(worker 'gw\)[0-9]#\10#g" -e 's#\[gw[0-9]\] linux -- Python [^ ]* [^ <]*#[gw0] linux#g' "$out"
}
rerun="-p xdist -p pytest_rerunfailures"
# shellcheck disable=SC2086 # a word each
{
  run report-reruns.xml $rerun test_shop.py -k 'not Table and not counts'
  run report-subtests.xml $rerun -p pytest_subtests test_shop.py -k 'Table or counts'
  run report-xdist.xml $rerun -n 2 test_shop.py -k 'not Table and not counts and not twice'
}
run report-crash.xml -p xdist -n 1 test_leaves.py
run report-internal-error.xml -p pytest_rerunfailures test_shop.py
