#!/bin/sh
# Makes the reports together with those in JMeter's XML.
set -eu
exec "$(dirname "$0")/../../jmeter-xml/jmeter/regenerate.sh"
