#!/usr/bin/env bash
# Builds the product's image with docker or buildah where there is one that works, and otherwise makes
# the same image without either:
#
#   build.sh VERSION          leaves it as assay:VERSION in the engine's store, or in dist/assay.tar
#   IMAGE=REF build.sh ...    the name to give it instead of assay:VERSION
#   ENGINE=docker|buildah|none  chooses
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=${1:?usage: build.sh VERSION}
image=${IMAGE:-assay:$version}
platforms=linux/amd64,linux/arm64
revision=$(git rev-parse HEAD 2>/dev/null || echo "")
arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision")

engine=${ENGINE:-}
if [ -z "$engine" ]; then
	engine=none
	if docker info >/dev/null 2>&1; then
		engine=docker
	elif command -v buildah >/dev/null && [ -n "$(buildah images -q 2>/dev/null || true)" ]; then
		# A buildah with nothing in its store is usually there for a test, and has nowhere to pull from.
		engine=buildah
	fi
fi
echo "build.sh: building $image with ${engine/none/go-containerregistry}" >&2
case $engine in
docker)
	# Only a builder with a store for several platforms can keep more than one.
	docker build "${arguments[@]}" -t "$image" .
	;;
buildah)
	buildah manifest rm "$image" >/dev/null 2>&1 || true
	buildah bud --platform "$platforms" --build-arg "BUILDPLATFORM=linux/$(go env GOHOSTARCH)" "${arguments[@]}" --manifest "$image" .
	;;
none)
	mkdir -p dist
	go run ./testdata/image core --version "$version" --revision "$revision" --platforms "$platforms" --output dist/assay.tar
	;;
*)
	echo "build.sh: ENGINE is docker, buildah or none, not $engine" >&2
	exit 64
	;;
esac
