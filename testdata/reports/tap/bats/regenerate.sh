#!/bin/sh
# Makes the reports with both TAP formatters of bats (Debian: bats).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh bats
bats --formatter tap shop.bats >report.tap 2>&1 || true
bats --formatter tap13 shop.bats >report-13.tap 2>&1 || true
