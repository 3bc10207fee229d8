#!/bin/sh
# Runs every script here that makes reports, or those in the folders FORMAT/TOOL given as arguments, and
# says of each whether it worked. What a script printed is shown where it failed. Compare the reports
# with git diff: versions and times change, outcomes do not.
set -eu
cd "$(dirname "$0")"
if [ "$#" -gt 0 ]; then
  scripts=$(for folder; do echo "$folder/regenerate.sh"; done)
else
  scripts="javascript.sh $(ls ./*/*/regenerate.sh)"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
results=
failed=0
for script in $scripts; do
  script=${script#./}
  echo "== $script" >&2
  if sh "$script" >"$log" 2>&1; then
    results="${results}ok      $script
"
  else
    cat "$log" >&2
    results="${results}failed  $script
"
    failed=$((failed + 1))
  fi
done
printf '%s' "$results"
[ "$failed" -eq 0 ]
