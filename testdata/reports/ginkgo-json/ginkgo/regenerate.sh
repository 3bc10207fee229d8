#!/bin/sh
# Makes the reports of this directory with Go 1.26 and Ginkgo 2.32.0, out of its module: sh regenerate.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/shop" "$here/setup" "$here/broken" "$here/slow" "$here/focused" "$work"
cd "$work"
printf 'module example.test/shop\n\ngo 1.26\n' >go.mod
export GOFLAGS=-mod=mod
go get github.com/onsi/ginkgo/v2@v2.32.0
go build -o run github.com/onsi/ginkgo/v2/ginkgo
./run -r --keep-going --json-report=report.json shop setup broken || true
./run --json-report=report-focused.json focused || true
./run --dry-run --json-report=report-dry-run.json shop || true
./run --timeout=3s --grace-period=1s --json-report=report-interrupted.json slow || true
head -c 10000 report.json >report-cut-off.json
modules=$(go env GOMODCACHE)
for report in report*.json; do
	sed -e "s#$work#/src#g" -e "s#$modules#/go/pkg/mod#g" -e "s#$(go env GOROOT)/#/usr/local/go/#g" "$report" >"$here/$report"
done
