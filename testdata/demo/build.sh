#!/usr/bin/env bash
# Builds what the demo's images hold: the shop in both versions, its tests, and the unchanged tools that
# run them and write JUnit (gotestsum, and Go's own test2json). Static, and the same bytes each time.
#
#   build.sh DIR [GOOS GOARCH]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${1:?usage: build.sh DIR [GOOS GOARCH]}
mkdir -p "$out/bin"
out=$(cd "$out" && pwd)

cd "$root"
export CGO_ENABLED=0 GOOS=${2:-linux}
GOARCH=${3:-$(go env GOARCH)}
export GOARCH
flags=(-trimpath -buildvcs=false -ldflags "-s -w")

go build "${flags[@]}" -o "$out/shop-v1" ./testdata/demo/shop
go build "${flags[@]}" -tags shop_v2 -o "$out/shop-v2" ./testdata/demo/shop
for suite in smoke checkout cart; do
	go test -c "${flags[@]}" -o "$out/bin/$suite.test" "./testdata/demo/tests/$suite"
done
go build "${flags[@]}" -o "$out/bin/test2json" cmd/test2json
# gotestsum is a module of its own here, pinned by its go.sum: the product's go.mod stays clean.
go -C testdata/demo/gotestsum build "${flags[@]}" -o "$out/bin/gotestsum" gotest.tools/gotestsum
