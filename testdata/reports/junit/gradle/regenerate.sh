#!/bin/sh
# Makes the reports, one a class, with Gradle (Debian: gradle, here 4.4, with junit4).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh gradle junit4 default-jdk-headless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cp build.gradle "$work"
cp ./*.java "$work/src"
(cd "$work" && gradle --offline --no-daemon -q -g "$work/home" test) >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for f in "$work"/build/test-results/test/TEST-*.xml; do
  name=$(basename "$f" .xml)
  sed -e "s#$work#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' \
    -e '/^\tat \(java.base\|org.junit\|org.gradle\|com.sun\|jdk.internal\)[.\/]/d' "$f" >"report-${name#TEST-}.xml"
done
