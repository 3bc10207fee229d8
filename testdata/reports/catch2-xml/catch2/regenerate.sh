#!/bin/sh
# Makes the reports of this directory with Debian's g++ and catch2 (here 2.13.10): sh regenerate.sh
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 shop.cpp -o "$work/shop"
g++ -O0 crash.cpp -o "$work/crash"
"$work/shop" -r xml --durations yes >report.xml || true
"$work/crash" -r xml >report-crash.xml || true
head -c 2000 report.xml >report-cut-off.xml
