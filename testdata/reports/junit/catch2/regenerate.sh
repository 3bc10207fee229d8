#!/bin/sh
# Makes report.xml with Catch2's junit reporter (Debian: catch2, here 2.13), and report-aborted.xml,
# which ends with the first failure.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh catch2 g++
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 -std=c++17 shop.cpp -o "$work/shop"
"$work/shop" -r junit -o "$work/report.xml" >/dev/null && exit 1
"$work/shop" -r junit -a -o "$work/report-aborted.xml" >/dev/null && exit 1
sed -i -e "s#$work#/src#g" "$work"/report*.xml
cp "$work"/report*.xml .
