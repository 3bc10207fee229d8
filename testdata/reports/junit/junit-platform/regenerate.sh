#!/bin/sh
# Makes the reports with the JUnit 5 console launcher (Debian: junit5, here 5.9): report.xml of the
# Jupiter engine, report-vintage.xml of the one for JUnit 4.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh junit5 junit4 default-jdk-headless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jars=/usr/share/java
path=$work:$jars/junit4.jar:$jars/hamcrest-core.jar:$jars/opentest4j.jar:$jars/apiguardian-api.jar:$jars/picocli.jar:$jars/univocity-parsers.jar
for part in jupiter-api jupiter-engine jupiter-params vintage-engine platform-commons platform-engine platform-launcher platform-reporting platform-console; do
  path=$path:$jars/junit-$part.jar
done
javac -cp "$path" -d "$work" ./*.java
java -cp "$path" org.junit.platform.console.ConsoleLauncher --scan-classpath "$work" --include-classname '.*' --reports-dir "$work/reports" >/dev/null 2>&1 || true
cp "$work/reports/TEST-junit-jupiter.xml" report.xml
cp "$work/reports/TEST-junit-vintage.xml" report-vintage.xml
# The properties are those of the machine's Java; the frames of the framework are long and say nothing of the test.
sed -i -e '/<properties>/,/<\/properties>/d' -e '/^\tat \(java.base\|org.junit\.[pjvr][a-z]*\|org.junit.internal\)[.\/]/d' -e "s#$work#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' report*.xml
