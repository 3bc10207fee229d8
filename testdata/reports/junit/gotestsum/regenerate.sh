#!/bin/sh
# Makes report.xml with gotestsum, and report-rerun.xml with a second run of what failed. Needs Go and
# the module proxy.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gotestsum() {
  GOFLAGS=-mod=mod go run gotest.tools/gotestsum@v1.13.0 --junitfile "$@" >/dev/null
}
gotestsum report.xml -- -count=1 . ./broken && exit 1
MARK="$work/mark" gotestsum report-rerun.xml --rerun-fails --packages ./flaky -- -count=1
# Nothing of the machine it was made on stays in the file.
sed -i -e "s#$(pwd)#/src#g" -e "s#$(go env GOROOT)#/usr/local/go#g" -e "s#$(hostname)#host#g" -e "s#$work#/src#g" \
  -e 's#value="go1[^"]*"#value="go1.26 linux/amd64"#' -e 's# 0x[0-9a-f]*# 0x0#g' -e 's#(0x[^)]*)#(...)#g' -e 's#goroutine [0-9]*#goroutine 1#g' report*.xml
