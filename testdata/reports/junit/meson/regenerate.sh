#!/bin/sh
# Makes report.xml with Meson (Debian: meson, here 1.0).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh meson ninja-build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson setup "$work/build" . >/dev/null
meson test -C "$work/build" --num-processes 1 >/dev/null 2>&1 && exit 1
sed -e "s#$work#/src#g" -e "s#$(pwd)#/src#g" "$work/build/meson-logs/testlog.junit.xml" >report.xml
