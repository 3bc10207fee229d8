#!/bin/sh
# Makes report.xml with JMeter (Debian: jmeter, jmeter-http, here 2.13) against a small server on the
# loopback, report-responses.xml, which holds the responses, and in ../../jmeter-csv/jmeter the CSV of
# the same plan: report.csv, report-no-header.csv and report-semicolons.csv.
set -eu
cd "$(dirname "$0")"
../../../lab/install.sh jmeter jmeter-http default-jdk-headless python3
csv=$(cd ../../jmeter-csv/jmeter && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cat >"$work/server.py" <<'PY'
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({'/fail': 500, '/elsewhere': 302}.get(self.path, 200))
        if self.path == '/elsewhere':
            self.send_header('Location', '/ok')
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 "$work/server.py" >"$work/port" &
server=$!
while ! [ -s "$work/port" ]; do sleep 0.1; done
port=$(cat "$work/port")
path="$work:$(find /usr/share/jmeter /usr/share/java -name '*.jar' | tr '\n' ':')"
javac -cp "$path" -d "$work" Plan.java 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
run() {
  out=$1
  shift
  (cd "$work" && java -cp "$path" Plan "$port" "$work/out" "$@" >"$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
  sed -e "s#127.0.0.1:$port#127.0.0.1:8080#g" -e "s#\(hn=\"\)$(hostname)\"#\1host\"#g" "$work/out" >"$out"
  rm "$work/out"
}
all="assertion_results=all"
run report.xml output_format=xml $all
run report-responses.xml output_format=xml $all response_data=true hostname=true url=true samplerData=true
run "$csv/report.csv" output_format=csv print_field_names=true assertion_results_failure_message=true
run "$csv/report-no-header.csv" output_format=csv print_field_names=false
run "$csv/report-semicolons.csv" output_format=csv print_field_names=true 'default_delimiter=;'
