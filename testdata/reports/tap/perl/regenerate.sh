#!/bin/sh
# Makes the reports with Test::More (Debian: perl).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh perl
perl cart.t >report-test-more.tap 2>/dev/null || true
perl cart.t >report-test-more-merged.tap 2>&1 || true
perl bail.t >report-bail-out.tap 2>/dev/null || true
perl died.t >report-died.tap 2>&1 || true
perl skip.t >report-skip-all.tap
