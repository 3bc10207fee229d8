#!/bin/sh
# Builds act, which runs workflows of GitHub Actions on this machine, and prints its path. Nothing is done
# when it is there: the first build takes some minutes.
set -eu

version=v0.2.89
out="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/assay-tools/act-$version"
if [ ! -x "$out/act" ]; then
	echo "act/install.sh: building act $version" >&2
	# Beside, and then moved: whoever runs it meanwhile sees all of it or nothing.
	mkdir -p "$out"
	new=$(mktemp -d "$out/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	GOBIN="$new" GOFLAGS=-mod=mod CGO_ENABLED=0 go install "github.com/nektos/act@$version" >&2
	mv "$new/act" "$out/act"
fi
echo "$out/act"
