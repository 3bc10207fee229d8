#!/bin/sh
# Makes report.xml by running TestNG (Debian: testng, here 6.9.12, with jcommander and bsh).
# JARS names the directory of the jars where it is not Debian's.
cd "$(dirname "$0")" || exit 1
build=$(mktemp -d)
jars=${JARS:-/usr/share/java}
path="$jars/testng.jar:$jars/jcommander.jar:$jars/bsh.jar:$build"
javac -cp "$path" -d "$build" ShopTest.java || exit 1
java -cp "$path" org.testng.TestNG -d "$build/out" -testclass 'ShopTest,ShopTest$Database' >/dev/null
sed -E 's#-instance:ShopTest[^"]*#-instance:ShopTest#; s#@[0-9a-f]{4,8}#@0#g' "$build/out/testng-results.xml" >report.xml
rm -r "$build"
