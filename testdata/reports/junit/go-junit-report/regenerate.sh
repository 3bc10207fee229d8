#!/bin/sh
# Makes the reports with go-junit-report about the tests of ../gotestsum: report.xml out of what
# go test -v prints, report-json.xml out of go test -json, and report-build.xml of a package that does
# not compile. Needs Go and the module proxy.
set -eu
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOBIN=$work go install github.com/jstemmer/go-junit-report/v2@v2.1.0
mkdir "$work/build"
printf 'module example.test/sample\n\ngo 1.24\n' >"$work/build/go.mod"
printf 'package build\n\nimport "testing"\n\nfunc TestX(t *testing.T) { undefined() }\n' >"$work/build/x_test.go"
cd ../gotestsum
src=$PWD
go test -v -count=1 . ./broken ./flaky 2>&1 | "$work/go-junit-report" -out "$here/report.xml"
go test -json -count=1 . ./broken ./flaky 2>&1 | "$work/go-junit-report" -parser gojson -out "$here/report-json.xml"
cd "$work/build"
go test -v -count=1 ./... 2>&1 | "$work/go-junit-report" -out "$here/report-build.xml"
cd "$here"
sed -i -e "s#$work#/src#g" -e "s#$src#/src#g" -e "s#$(go env GOROOT)#/usr/local/go#g" -e 's#hostname="[^"]*"#hostname="host"#g' \
  -e 's#value="go1[^"]*"#value="go1.26"#' -e 's# 0x[0-9a-f]*# 0x0#g' -e 's#(0x[^)]*)#(...)#g' -e 's#goroutine [0-9]*#goroutine 1#g' report*.xml
