#!/bin/sh
# Writes the k6 fixtures anew: builds k6 out of its Go module, in a module of its own (minutes), and
# has it load a small server of Python's that answers /fail with 500.
set -eu
cd "$(dirname "$0")"
out=$PWD
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'MOD'
module k6build
go 1.26
MOD
go get -tool go.k6.io/k6@v1.8.1
go build -o k6 go.k6.io/k6
cat >server.py <<'PY'
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if self.path == '/fail' else 200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *args):
        pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
print(s.server_address[1], flush=True)
s.serve_forever()
PY
python3 server.py >port & server=$!
while ! [ -s port ]; do sleep 0.1; done
BASE=http://127.0.0.1:$(cat port) K6_NO_USAGE_REPORT=true
export BASE K6_NO_USAGE_REPORT
cat >load.js <<'JS'
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Rate, Trend, Gauge } from 'k6/metrics';
const orders = new Counter('orders');
export const options = {
  vus: 2, iterations: 10,
  thresholds: {
    http_req_duration: ['p(95)<300', 'p(99)<0.0001'],
    'http_req_duration{name:cart}': ['avg<300'],
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.9'],
    orders: ['count>=20'],
  },
};
export default function () {
  const base = __ENV.BASE;
  check(http.get(base + '/'), { 'home is 200': (r) => r.status === 200 });
  group('cart', function () {
    check(http.get(base + '/cart', { tags: { name: 'cart' } }), { 'cart is 200': (r) => r.status === 200 });
    group('pay', function () {
      check(http.get(base + (__ITER % 2 ? '/fail' : '/pay')), { 'pay is 200': (r) => r.status === 200 });
    });
  });
  orders.add(1);
}
JS
cat >data.js <<'JS'
export { options, default } from './load.js';
export function handleSummary(data) { return { 'handle-summary.json': JSON.stringify(data, null, 2) }; }
JS
# The thresholds are missed on purpose, so k6 ends with 99.
./k6 run -q --summary-export="$out/report-export.json" load.js || [ $? -eq 99 ]
./k6 run -q data.js || [ $? -eq 99 ]
mv handle-summary.json "$out/report-handle-summary.json"
./k6 run -q --new-machine-readable-summary --summary-export="$out/report-machine.json" load.js || [ $? -eq 99 ]
