#!/bin/sh
# Makes the reports with Playwright's junit reporter in Debian's Chromium: report.xml, report-broken.xml
# with a file that cannot be loaded, report-first.xml, which ends with the first failure, and
# report-retries.xml, which tells the tries.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh chromium
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ./*.js "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" @playwright/test@1.65.1
run() {
  out=$1 files=$2
  shift 2
  (cd "$work" && FILES=$files PLAYWRIGHT_JUNIT_OUTPUT_NAME="$out" node_modules/.bin/playwright test --reporter=junit "$@" >/dev/null 2>&1) && exit 1
  sed -e "s#$work#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' "$work/$out" >"$out"
}
run report.xml '{shop,serial}.spec.js'
run report-broken.xml '{broken,serial}.spec.js'
run report-first.xml shop.spec.js --max-failures=1
export PLAYWRIGHT_JUNIT_INCLUDE_RETRIES=1
run report-retries.xml shop.spec.js
