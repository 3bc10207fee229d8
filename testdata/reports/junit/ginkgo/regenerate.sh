#!/bin/sh
# Makes the reports with Ginkgo's --junit-report: report.xml, report-suite.xml, whose BeforeSuite fails,
# and report-first.xml, which ends with the first failure. Needs Go and the module proxy.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r shop_test.go suite "$work"
(cd "$work" && go mod init example.test/shop && go get github.com/onsi/ginkgo/v2@v2.32.0 && go mod tidy) >/dev/null 2>&1
run() {
  out=$1
  shift
  (cd "$work" && go test -count=1 "$1" -args -ginkgo.seed=1 -ginkgo.junit-report="$work/$out" "$2" >/dev/null 2>&1) && exit 1
  sed -e "s#$work#/src#g" -e "s#$(go env GOPATH)#/go#g" -e "s#$(go env GOROOT)#/usr/local/go#g" \
    -e 's# 0x[0-9a-f]*# 0x0#g' -e 's#(0x[^)]*)#(...)#g' -e 's#goroutine [0-9]*#goroutine 1#g' \
    -e 's# @ [0-9/]* [0-9:.]*# @ 01/01/26 00:00:00#g' -e 's# ([0-9.]*m\{0,1\}s)# (0s)#g' "$work/$out" >"$out"
}
run report.xml . -ginkgo.no-color
run report-suite.xml ./suite -ginkgo.no-color
run report-first.xml . -ginkgo.fail-fast
