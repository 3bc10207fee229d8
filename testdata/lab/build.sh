#!/bin/sh
# Builds the lab's programs into a directory, and prints its path on standard output:
#   build.sh [OUTDIR]
# Without OUTDIR it is a cache directory named after what goes in. Nothing is done when that has not changed. The
# first build compiles all of Kubernetes: about ten minutes on two cores.
set -eu

fail() {
	echo "build.sh: $*" >&2
	exit 1
}

case "${1-}" in
-h | --help)
	sed -n '2,5s/^# //p' "$0"
	exit 0
	;;
esac

out=${1-}
case "$out" in
"" | /*) ;;
*) out="$(pwd)/$out" ;;
esac
cd "$(dirname "$0")"
command -v go >/dev/null 2>&1 || fail "there is no go on the PATH. Install Go, the version that go.mod names or a later one"

version=$(go env GOVERSION GOARCH) || fail "go env failed"
hash=$({
	echo "$version"
	find . -type f \( -name '*.go' -o -name go.mod -o -name go.sum -o -name build.sh \) ! -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
} | sha256sum | cut -c1-16)

cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/assay-lab"
[ -n "$out" ] || out="$cache/$hash"
if [ "$(cat "$out/.hash" 2>/dev/null)" = "$hash" ]; then
	echo "$out"
	exit 0
fi
mkdir -p "$out"

# Two builds into one directory take turns; the second finds the first one's work done.
exec 9>"$out/.lock"
if command -v flock >/dev/null 2>&1; then
	flock 9
	if [ "$(cat "$out/.hash" 2>/dev/null)" = "$hash" ]; then
		echo "$out"
		exit 0
	fi
fi

# One set of flags for every build, so that the lab's own tests share what is compiled here.
export CGO_ENABLED=0
log="$out/build.log"
: >"$log"
began=$(date +%s)

progress() {
	echo "build.sh: $(($(date +%s) - began))s  $1: $(grep -c '^[a-z].*/' "$log" || true) packages compiled" >&2
}

# compile NAME PACKAGE LDFLAGS, in the current directory
compile() {
	echo "build.sh: $(($(date +%s) - began))s  $1: started (the log is $log)" >&2
	go build -v -trimpath -buildvcs=false -ldflags "-s -w $3" -o "$out/.$1.new" "$2" >>"$log" 2>&1 9>&- &
	compiler=$!
	trap 'kill "$compiler" 2>/dev/null || true' EXIT HUP INT TERM
	ticks=0
	while kill -0 "$compiler" 2>/dev/null; do
		sleep 0.2
		ticks=$((ticks + 1))
		[ $((ticks % 75)) -ne 0 ] || progress "$1"
	done
	trap - EXIT HUP INT TERM
	if ! wait "$compiler"; then
		grep -v '^go: downloading' "$log" | tail -n 20 >&2
		fail "building $1 failed. The whole log is $log"
	fi
	mv "$out/.$1.new" "$out/$1"
	progress "$1 done"
}

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) || fail "go.mod does not name k8s.io/kubernetes, or it cannot be fetched"
stamp=k8s.io/component-base/version
minor=${kubernetes#v1.}
compile pause ./pause ""
compile lab . "-X $stamp.gitVersion=$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*} -X $stamp.gitTreeState=clean"
cd coredns
compile coredns . ""
echo "$hash" >"$out/.hash"

# A cached build is large; those of the last few changes are enough.
if [ "$out" = "$cache/$hash" ]; then
	(cd "$cache" && ls -dt ./????????????????/ | tail -n +4 | xargs -r rm -rf)
fi
echo "$out"
