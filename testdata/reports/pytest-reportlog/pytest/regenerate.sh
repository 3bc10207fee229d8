#!/bin/sh
# Makes the reports of this directory with Debian's python3-pytest (here 7.2.1) and, unpacked beside it, its packages
# python3-pytest-rerunfailures and python3-pytest-subtests: sh regenerate.sh. README.md says what events.py is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download -q python3-pytest-rerunfailures python3-pytest-subtests 2>/dev/null
for package in *.deb; do dpkg -x "$package" packages; done
cp -r "$here/shop" "$here/broken" "$here/interrupted" "$here/events.py" .
export PYTHONPATH="$work/packages/usr/lib/python3/dist-packages:$work" PYTHONDONTWRITEBYTECODE=1
for suite in shop broken interrupted; do
	(cd "$suite" && /usr/bin/python3 -m pytest -p events -p no:cacheprovider --report-log "$work/$suite.jsonl" .) || true
	sed -i "s#$work#/src#g" "$suite.jsonl"
done
mv shop.jsonl "$here/report.jsonl"
mv broken.jsonl "$here/report-broken.jsonl"
mv interrupted.jsonl "$here/report-interrupted.jsonl"
head -c 20000 "$here/report.jsonl" >"$here/report-cut-off.jsonl"
