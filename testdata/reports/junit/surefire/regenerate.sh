#!/bin/sh
# Makes the reports with Maven's Surefire (Debian: libsurefire-java, here 2.22.3, which takes nothing
# but what Debian installs): report-CLASS.xml without and report-rerun-CLASS.xml with a second run of
# what failed.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh maven libsurefire-java junit4 default-jdk-headless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/settings.xml" <<XML
<settings>
  <localRepository>$work/repository</localRepository>
  <mirrors><mirror><id>debian</id><mirrorOf>*</mirrorOf><url>file:///usr/share/maven-repo</url></mirror></mirrors>
</settings>
XML
cp pom.xml "$work"
mkdir -p "$work/target/test-classes"
javac -cp /usr/share/java/junit4.jar -d "$work/target/test-classes" ./*.java
surefire() {
  (cd "$work" && mvn -q -B -s settings.xml org.apache.maven.plugins:maven-surefire-plugin:2.22.3:test "$@") || true
}
surefire
for class in Shop Price Database Teardown; do
  cp "$work/target/surefire-reports/TEST-${class}Test.xml" "report-$class.xml"
done
rm -r "$work/target/surefire-reports"
surefire -Dsurefire.rerunFailingTestsCount=1
for class in Shop Database; do
  cp "$work/target/surefire-reports/TEST-${class}Test.xml" "report-rerun-$class.xml"
done
# The properties are those of the machine's Java; the frames of the framework are long and say nothing of the test.
sed -i -e '/<properties>/,/<\/properties>/d' -e '/^\tat \(java.base\|org.junit\.[pjvr][a-z]*\|org.junit.internal\)[.\/]/d' -e "s#$work#/src#g" -e "s#$(pwd)#/src#g" report*.xml
