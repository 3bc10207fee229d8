#!/bin/sh
# Makes report.xml with pytest (Debian: python3-pytest).
set -eu
cd "$(dirname "$0")"
${PYTHON:-/usr/bin/python3} -B -m pytest -p no:cacheprovider -o junit_logging=system-out --junitxml=report.xml test_sample.py || true
sed -i -e "s#$(pwd)#/src#g" -e "s#hostname=\"[^\"]*\"#hostname=\"host\"#g" report.xml
