#!/usr/bin/env bash
# Builds an assay whose clock is off by $SOAK_CLOCK_SHIFT seconds, which may be negative: the clock is shifted
# in the process, never on the machine.
#
#   shifted.sh OUT
#
# The standard library's time.Now gets the shift for this one build; the Go installation is left as it is.
set -euo pipefail

out=$(realpath -m "${1:?usage: shifted.sh OUT}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
real=$(go env GOROOT)/src/time/time.go
mkdir -p "$(dirname "$out")"
work=$(dirname "$out")/shifted-time
mkdir -p "$work"
awk '
	/_ "unsafe" \/\/ for go:linkname/ { print; print "\t\"syscall\""; next }
	/^func Now\(\) Time \{/ { inside = 1 }
	{ print }
	inside && /runtimeNow\(\)/ { print "\tsec += soakShift"; inside = 0; shifted = 1 }
	END {
		print "\n// soakShift is what this build of the clock is off by, in seconds."
		print "var soakShift = func() (n int64) {"
		print "\ts, _ := syscall.Getenv(\"SOAK_CLOCK_SHIFT\")"
		print "\tsign := int64(1)"
		print "\tfor i := range len(s) {"
		print "\t\tif s[i] == \x27-\x27 {\n\t\t\tsign = -1\n\t\t} else {\n\t\t\tn = 10*n + int64(s[i]-\x270\x27)\n\t\t}"
		print "\t}"
		print "\treturn sign * n"
		print "}()"
		exit !shifted
	}' "$real" >"$work/time.go.new"
# Only a change makes everything compile again.
cmp -s "$work/time.go.new" "$work/time.go" || mv "$work/time.go.new" "$work/time.go"
printf '{"Replace": {"%s": "%s"}}\n' "$real" "$work/time.go" >"$work/overlay.json"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -overlay "$work/overlay.json" -o "$out" ./cmd/assay
