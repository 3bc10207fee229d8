#!/usr/bin/env bash
# Makes and pushes the image that end-to-end tests run in, and prints it with its digest: busybox as shell,
# misbehave, and real tools that write real reports (gotestsum, test2json and the demo's test binaries).
#
#   push.sh REF       such as 127.0.0.1:5055/e2e/tests:latest
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
reference=${1:?usage: push.sh REF}
busybox=$(command -v busybox) || {
	echo "push.sh: busybox is missing. On Debian: apt-get install busybox-static" >&2
	exit 1
}
cd "$root"
work=$root/.demo/e2e
testdata/demo/build.sh "$work" linux "$(go env GOARCH)"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/bin/misbehave" ./testdata/e2eimage/misbehave
tools=()
for file in "$work"/bin/*; do
	tools+=(--file "$file:/usr/local/bin/${file##*/}")
done
go run ./testdata/image files --platform "linux/$(go env GOARCH)" --busybox "$busybox" \
	--env "GOVERSION=$(go env GOVERSION)" "${tools[@]}" --push "$reference"
