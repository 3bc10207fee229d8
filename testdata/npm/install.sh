#!/bin/sh
# Installs the npm packages that tests read and run, as pinned in package-lock.json, into node_modules beside this file,
# or those of the directory that is named. Nothing is done when they are there. Needs Node and npm; runs no package's own scripts.
set -eu
cd "${1:-$(dirname "$0")}"

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

stamp=node_modules/.assay
wanted=$(cksum <package-lock.json)
[ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || exit 0

command -v npm >/dev/null 2>&1 || fail "there is no npm. Install Node 20 or newer (Debian: apt-get install npm)"
echo "install.sh: installing npm packages for the tests" >&2
timeout 600 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || fail "npm ci failed, or took more than 10 minutes. Is the npm registry reachable?"
# GitHub's description comes in many editions, half a gigabyte of them; tests read the one of github.com.
[ ! -d node_modules/@octokit/openapi ] || find node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete
printf '%s\n' "$wanted" >"$stamp"
