#!/bin/sh
# Makes report.xml with prove and TAP::Formatter::JUnit (Debian: libtap-formatter-junit-perl, here 0.11).
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh perl libtap-formatter-junit-perl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# BAIL_OUT ends everything behind it, so that file comes last.
prove --formatter TAP::Formatter::JUnit cart.t skip.t died.t >"$work/report.xml" 2>/dev/null && exit 1
sed -e "s#$(pwd)#/src#g" "$work/report.xml" >report.xml
prove --formatter TAP::Formatter::JUnit cart.t bail.t >"$work/report.xml" 2>/dev/null && exit 1
if [ -s "$work/report.xml" ]; then sed -e "s#$(pwd)#/src#g" "$work/report.xml" >report-bail.xml; fi
