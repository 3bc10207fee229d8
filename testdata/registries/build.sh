#!/bin/sh
# Builds the program that runs real registries, once for each state of its source, and prints where it is. The
# first build takes a minute on two cores: most of that is distribution.
set -eu

fail() {
	echo "build.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")"
command -v go >/dev/null 2>&1 || fail "there is no go on the PATH. Install Go, the version that go.mod names or a later one"
version=$(go env GOVERSION GOARCH) || fail "go env failed"
hash=$({
	echo "$version"
	cat -- *.go go.mod go.sum build.sh
} | cksum | tr ' ' -)

cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/assay-registries"
out="$cache/$hash/registries"
if [ ! -x "$out" ]; then
	mkdir -p "$cache/$hash"
	# Two builds take turns where they can, and the second finds the first one's work done. Without flock both
	# work, and either result is whole.
	exec 9>"$cache/.lock"
	! command -v flock >/dev/null 2>&1 || flock 9
	if [ ! -x "$out" ]; then
		log="$cache/$hash/build.$$.log"
		CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$out.$$" . >"$log" 2>&1 9>&- || {
			grep -v '^go: downloading' "$log" | tail -n 20 >&2
			fail "building the registries for the tests failed"
		}
		rm -f "$log"
		mv "$out.$$" "$out"
		# Those of the last few changes are enough.
		(cd "$cache" && ls -dt ./*-*/ | tail -n +4 | xargs -r rm -rf)
	fi
fi
echo "$out"
