#!/bin/sh
# Makes the reports with Ant's junit task (Debian: ant, ant-optional, junit4): report-CLASS.xml as the
# task writes them, one a class, and report.xml, which junitreport gathers out of them.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh ant ant-optional junit4 libhamcrest-java default-jdk-headless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/classes" "$work/reports"
ant -q -Dclasses="$work/classes" -Dreports="$work/reports" || true
for class in Shop Price Database Teardown Crash; do
  cp "$work/reports/TEST-${class}Test.xml" "report-$class.xml"
done
cp "$work/reports/TESTS-TestSuites.xml" report.xml
# The properties are those of the machine's Java; the frames of the framework are long and say nothing of the test.
sed -i -e '/<properties>/,/<\/properties>/d' -e '/^\tat \(java.base\|org.junit\.[pjvr][a-z]*\|org.junit.internal\)[.\/]/d' -e "s#$work#/src#g" -e "s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' report*.xml
