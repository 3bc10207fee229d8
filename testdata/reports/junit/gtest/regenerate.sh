#!/bin/sh
# Makes the reports with GoogleTest (Debian: libgtest-dev, here 1.12): report.xml of every test,
# report-filtered.xml of some, report-repeated.xml of the last of two repetitions.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh libgtest-dev g++
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
g++ -O0 -std=c++17 shop_test.cpp -o "$work/shop" -lgtest -lgtest_main -pthread
"$work/shop" --gtest_output="xml:$work/report.xml" >/dev/null 2>&1 || [ $? -eq 1 ]
"$work/shop" --gtest_output="xml:$work/report-filtered.xml" --gtest_filter=Shop.Passes:Sum* >/dev/null 2>&1
"$work/shop" --gtest_output="xml:$work/report-repeated.xml" --gtest_filter=*Price* --gtest_repeat=2 >/dev/null 2>&1 || [ $? -eq 1 ]
cp "$work"/report*.xml .
