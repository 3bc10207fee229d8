'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { fake, job, run, start } = require('./rig_test');

// serve answers on loopback until the test ends; answer gives what is at a path.
async function serve(t, answer) {
  const asked = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url);
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const pin = crypto.createHash('sha256').update(fake).digest('hex');
const os = process.platform;
const arch = { x64: 'amd64' }[process.arch] ?? process.arch;

// downloads is a job that downloads its core.
function downloads(t, url, set) {
  const j = job(t);
  delete j.env['INPUT_BINARY-PATH'];
  Object.assign(j.env, { 'INPUT_DOWNLOAD-URL': url, INPUT_SHA256: pin }, set);
  return j;
}

// executables are the files below a directory that may be executed.
function executables(dir) {
  return fs.readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).mode & 0o111);
}

test('the pinned core is downloaded once and run', async (t) => {
  const { url, asked } = await serve(t, (request, response) => {
    if (request.url.startsWith('/v1.2')) response.writeHead(302, { location: `/other${request.url}` }).end();
    else response.end(fake);
  });
  const j = downloads(t, `${url}/{version}/assay_{os}_{arch}`, { INPUT_VERSION: 'v1.2/3', INPUT_SHA256: `SHA256:${pin.toUpperCase()}`.replace('SHA256', 'sha256') });
  const first = await run(j);
  assert.equal(first.code, 0, first.said);
  assert.deepEqual(asked, [`/v1.2%2F3/assay_${os}_${arch}`, `/other/v1.2%2F3/assay_${os}_${arch}`]);
  assert.equal((await run(j)).code, 0);
  assert.equal(asked.length, 2, 'the second step uses what the first has fetched');
  const kept = j.state().core;
  fs.appendFileSync(kept, '// changed since');
  assert.equal((await run(j)).code, 0);
  assert.equal(asked.length, 4, 'a file that was changed since is fetched again');
  assert.equal(fs.readFileSync(kept, 'utf8'), fake);
  assert.equal(j.notes().length, 3);
});

test('what is not the pinned core is neither kept nor run', async (t) => {
  const { url } = await serve(t, (request, response) => response.end(`${fake}// and more`));
  const j = downloads(t, `${url}/assay?token=s3cret`);
  const { code, said } = await run(j);
  assert.equal(code, 3);
  assert.match(said, /is not the pinned file, and was not run/);
  assert.ok(said.includes(pin), 'both digests are named');
  assert.ok(!said.includes('s3cret'));
  assert.deepEqual(executables(j.env.RUNNER_TEMP), []);
  assert.deepEqual(j.notes(), []);
});

test('a download that is not safe, or does not come, is refused', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/round') response.writeHead(302, { location: '/round' }).end();
    else if (request.url === '/listen') response.writeHead(302, { location: 'http://assay.example/core' }).end();
    else if (request.url === '/cut') response.writeHead(200, { 'content-length': 1000 }).write('x', () => response.destroy());
    else response.writeHead(404).end();
  });
  for (const [name, at, set, code, why] of [
    ['no digest', `${url}/core`, { INPUT_SHA256: '' }, 64, /download-url needs sha256/],
    ['no https', 'http://assay.example/core', {}, 64, /only https is taken/],
    ['no address', 'core', {}, 64, /only https is taken/],
    ['redirected to no https', `${url}/listen`, {}, 64, /only https is taken/],
    ['redirected for ever', `${url}/round`, {}, 3, /more than 5 redirects/],
    ['not there', `${url}/gone`, {}, 3, /the server answered 404/],
    ['cut short', `${url}/cut`, {}, 3, /downloading http/],
    ['nobody there', 'http://127.0.0.1:1/core', {}, 3, /downloading http/],
    ['no version', `${url}/{version}`, {}, 64, /set version as well/],
    ['another placeholder', `${url}/{branch}`, {}, 64, /nothing stands for \{branch\}/],
  ]) {
    await t.test(name, async (t) => {
      const j = downloads(t, at, set);
      const got = await run(j);
      assert.equal(got.code, code, got.said);
      assert.match(got.said, why);
      assert.equal(j.outputs().decision, 'ERROR');
      assert.deepEqual(j.notes(), []);
      assert.deepEqual(executables(j.env.RUNNER_TEMP), []);
    });
  }
});

test('a signal ends a download', async (t) => {
  let step;
  const { url } = await serve(t, () => step.child.kill('SIGINT'));
  const j = downloads(t, `${url}/core`);
  step = start(j);
  assert.equal((await step.ended).code, 130);
  assert.match(step.said, /interrupted before the tests began/);
  assert.equal(j.outputs()['exit-code'], '130');
});

// elsewhere is a copy of the wrapper in a repository of its own, with or without Go and source.
function elsewhere(t, { source, go }) {
  const j = job(t);
  delete j.env['INPUT_BINARY-PATH'];
  const dir = j.at('action/integrations/github/action');
  fs.cpSync(__dirname, dir, { recursive: true });
  if (source) fs.writeFileSync(j.at('action/go.mod'), 'module example.com/m\n');
  fs.mkdirSync(j.at('bin'));
  j.env.PATH = j.at('bin');
  if (go) fs.writeFileSync(j.at('bin/go'), go, { mode: 0o755 });
  return { j, dir };
}

// compiler is a go that writes down how it was called and makes the core out of the fake one.
const compiler = `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2);
fs.writeFileSync(process.env.HOME + '/compiled', JSON.stringify({ args, cwd: process.cwd() }));
if (process.env.FAIL) { console.error('main.go:1: no'); process.exit(1); }
fs.copyFileSync(process.env.GITHUB_WORKSPACE + '/core', args[args.indexOf('-o') + 1]);
`;

test('the core is built from the source beside action.yml', async (t) => {
  const { j, dir } = elsewhere(t, { source: true, go: compiler });
  j.env.GITHUB_ACTION_REF = 'v1.2.3';
  const { code, said } = await run(j, 'main.js', dir);
  assert.equal(code, 0, said);
  const { args, cwd } = JSON.parse(fs.readFileSync(j.at('compiled'), 'utf8'));
  assert.equal(cwd, fs.realpathSync(j.at('action')));
  assert.equal(args[0], 'build');
  assert.ok(args.includes('-s -w -X main.version=v1.2.3'), args.join(' '));
  assert.equal(j.notes().length, 1);
});

test('a ref cannot smuggle flags into the compiler', async (t) => {
  const { j, dir } = elsewhere(t, { source: true, go: compiler });
  j.env.GITHUB_ACTION_REF = "x' -extld=/tmp/evil";
  await run(j, 'main.js', dir);
  assert.ok(JSON.parse(fs.readFileSync(j.at('compiled'), 'utf8')).args.includes('-s -w -X main.version=dev'));
});

test('where there is no core, what to do is said', async (t) => {
  for (const [name, given, set, code, why] of [
    ['no source', { go: compiler }, {}, 64, /no source to build it from. Set download-url and sha256/],
    ['no Go', { source: true }, {}, 64, /no Go to build it with. Set download-url and sha256/],
    ['source that does not compile', { source: true, go: compiler }, { FAIL: '1' }, 3, /building the core from .* failed/],
  ]) {
    await t.test(name, async (t) => {
      const { j, dir } = elsewhere(t, given);
      Object.assign(j.env, set);
      const got = await run(j, 'main.js', dir);
      assert.equal(got.code, code, got.said);
      assert.match(got.said, why);
      assert.match(j.outputs().title, why);
    });
  }
});
