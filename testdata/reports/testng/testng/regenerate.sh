#!/bin/sh
# Makes report.xml by running TestNG (Debian: testng, here 6.9.12, with jcommander and bsh), and, in
# ../../junit/testng, the reports of its own JUnit writer.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh testng libjcommander-java bsh default-jdk-headless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jars=/usr/share/java
path="$jars/testng.jar:$jars/jcommander.jar:$jars/bsh.jar:$work"
javac -cp "$path" -d "$work" ShopTest.java
# shellcheck disable=SC2016 # the dollar is Java's
java -cp "$path" org.testng.TestNG -d "$work/out" -testclass 'ShopTest,ShopTest$Database' >/dev/null 2>&1 && exit 1
neutral() {
  sed -E -e "s#$work#/src#g; s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#; s#-instance:ShopTest[^"]*#-instance:ShopTest#; s#@[0-9a-f]{4,8}#@0#g' \
    -e '/^\tat (java.base|org.testng)[.\/]/d' "$1"
}
neutral "$work/out/testng-results.xml" >report.xml
junit=../../junit/testng
for f in "$work"/out/junitreports/TEST-*.xml; do
  name=$(basename "$f" .xml)
  neutral "$f" >"$junit/report-${name#TEST-}.xml"
done
