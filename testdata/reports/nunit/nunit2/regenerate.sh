#!/bin/sh
# Makes report.xml with NUnit 2 (Debian: nunit-console, here 2.6.4, mono-mcs), and report-first.xml,
# which ends with the first failure.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh nunit-console libnunit-cil-dev mono-mcs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mcs -target:library -pkg:nunit -out:"$work/Shop.dll" ShopTest.cs
cp /usr/lib/cli/nunit.framework-*/nunit.framework.dll "$work"
run() {
  out=$1
  shift
  (cd "$work" && nunit-console -nologo -noshadow -xml:"$work/$out" "$@" Shop.dll >/dev/null 2>&1) && exit 1
  sed -e "s#$work#/src#g" -e 's#\(machine-name\|user\|user-domain\|os-version\)="[^"]*"#\1="host"#g' "$work/$out" >"$out"
}
run report.xml
run report-first.xml -stoponerror
