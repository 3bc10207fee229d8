#!/bin/sh
# Makes the reports, one a class, together with those in TestNG's own format.
set -eu
exec "$(dirname "$0")/../../testng/testng/regenerate.sh"
