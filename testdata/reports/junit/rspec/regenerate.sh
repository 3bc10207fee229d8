#!/bin/sh
# Makes the reports with RSpec (Debian: ruby-rspec, here 3.12, ruby-rspec-junit-formatter, here 0.4):
# report.xml, report-broken.xml of a file that cannot be loaded, report-fail-fast.xml, which ends with
# the first failure, and the same three of RSpec's own JSON formatter in ../../rspec-json/rspec.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh ruby-rspec ruby-rspec-junit-formatter
json=$(cd ../../rspec-json/rspec && pwd)
run() {
  rspec --no-color --require rspec_junit_formatter --format RspecJunitFormatter --out "report$1.xml" \
    --format json --out "$json/report$1.json" --order defined "$2" ${3+"$3"} >/dev/null 2>&1 && exit 1
  sed -i -e "s#$(pwd)#/src#g" -e 's#hostname="[^"]*"#hostname="host"#g' "report$1.xml" "$json/report$1.json"
}
run "" shop_spec.rb
run -broken broken_spec.rb
run -fail-fast shop_spec.rb --fail-fast
