#!/bin/sh
# Builds the cosign that tests hold Assay's signatures against, and prints its path on standard output. It is kept
# in a cache directory named after what goes in; nothing is done when that has not changed. The first build
# takes two to three minutes on two cores.
set -eu

fail() {
	echo "build.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")"
command -v go >/dev/null 2>&1 || fail "there is no go on the PATH. Install Go, the version that go.mod names or a later one"
version=$(go env GOVERSION GOOS GOARCH) || fail "go env failed"
hash=$({
	echo "$version"
	cat go.mod go.sum build.sh
} | sha256sum | cut -c1-16)

cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/assay-cosign"
out="$cache/$hash"
if [ ! -x "$out/cosign" ]; then
	mkdir -p "$out"
	# Whoever builds at the same time builds into a file of its own; each is whole when it gets its name.
	new=$(mktemp "$out/.new.XXXXXX")
	trap 'rm -f "$new"' EXIT HUP INT TERM
	# Two builds take turns where that is possible; the second finds the first one's work done.
	exec 9>"$out/.lock"
	if command -v flock >/dev/null 2>&1; then
		flock 9
	fi
	if [ ! -x "$out/cosign" ]; then
		echo "build.sh: building cosign, which takes minutes the first time" >&2
		CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$new" github.com/sigstore/cosign/v3/cmd/cosign >&2 9>&- || fail "building cosign failed"
		chmod 755 "$new"
		mv "$new" "$out/cosign"
	fi
	# It is large; those of the last few changes are enough.
	(cd "$cache" && ls -dt ./????????????????/ | tail -n +3 | xargs -r rm -rf)
fi
echo "$out/cosign"
