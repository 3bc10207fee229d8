// A shop that answers on port 18089, for the requests of the collection.
const http = require('http');
http.createServer((request, response) => {
  if (request.url === '/secret' && !request.headers.authorization) {
    response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="shop", nonce="0", qop="auth"' });
    return response.end();
  }
  if (request.url === '/slow') return;
  response.setHeader('Content-Type', 'application/json');
  response.end('{"lines":2}');
}).listen(18089, '127.0.0.1');
