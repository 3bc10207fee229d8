// Finds the core: the program that does the work.
'use strict';

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Refusal, input, interrupted, unclear, workspace } = require('./runner');

const most = 512 * 1024 * 1024; // bytes; the core is a tenth of it
const hops = 5; // redirects that a download may take
const patience = 5 * 60 * 1000; // milliseconds for a download

// find gives the path of the core: the one that is there already, else the one to be downloaded, else one
// built from the source beside action.yml. signal ends the search.
async function find(env, signal) {
  if (process.platform === 'win32') {
    throw new Refusal('Assay runs on Linux and macOS: choose such a runner, for example runs-on: ubuntu-latest. The cluster may be anywhere.');
  }
  const sha256 = pinned(input(env, 'sha256'));
  const binary = input(env, 'binary-path');
  if (binary) return present(path.resolve(workspace(env), binary), sha256);
  const url = input(env, 'download-url');
  if (url) return download(address(url, input(env, 'version')), sha256, env, signal);
  return build(env, signal);
}

// pinned checks the form of a SHA-256 and gives its digits; '' where there is none.
function pinned(text) {
  const match = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text);
  if (text && !match) throw new Refusal(`sha256 is ${JSON.stringify(text)}: it takes 64 hexadecimal digits`);
  return match ? match[1].toLowerCase() : '';
}

async function present(file, sha256) {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) throw new Refusal(`binary-path: there is no file ${file}`);
  if (sha256) verify(file, await digest(file), sha256);
  try {
    fs.accessSync(file, fs.constants.X_OK);
  } catch {
    throw new Refusal(`binary-path: ${file} is not executable. chmod +x makes it so; artifacts lose that on their way.`);
  }
  return file;
}

// address fills the placeholders in.
function address(template, version) {
  if (template.includes('{version}') && !version) throw new Refusal('download-url holds {version}: set version as well');
  const values = { version, os: process.platform, arch: { x64: 'amd64' }[process.arch] ?? process.arch };
  return template.replace(/\{(\w+)\}/g, (all, name) => {
    if (!(name in values)) throw new Refusal(`download-url: nothing stands for ${all}; known are {version}, {os} and {arch}`);
    return encodeURIComponent(values[name]);
  });
}

// download fetches the core, and makes it executable only when its digest is the pinned one. A file
// of that digest which an earlier step of this job has fetched is used again.
async function download(url, sha256, env, signal) {
  if (!sha256) {
    throw new Refusal('download-url needs sha256: what is downloaded gets the credentials of your cluster, so only a file that you have pinned is run');
  }
  const dir = path.join(temporary(env), `assay-${sha256.slice(0, 16)}`);
  const file = path.join(dir, 'assay');
  if (fs.existsSync(file) && (await digest(file)) === sha256) return file;
  fs.mkdirSync(dir, { recursive: true });
  const partial = path.join(dir, `${crypto.randomUUID()}.partial`);
  try {
    verify(url, await fetchTo(partial, url, signal), sha256);
    fs.chmodSync(partial, 0o755);
    fs.renameSync(partial, file);
  } finally {
    fs.rmSync(partial, { force: true });
  }
  return file;
}

function verify(what, is, sha256) {
  if (is === sha256) return;
  throw new Refusal(`${shown(what)} is not the pinned file, and was not run. Its SHA-256 is ${is}, pinned is ${sha256}. ` +
    'Where you have just changed the version, pin the digest that this release publishes; otherwise find out who has changed the file.', unclear);
}

// fetchTo writes what is at url into a file and gives its digest.
async function fetchTo(file, url, signal) {
  signal = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    const response = await follow(url, signal);
    const hash = crypto.createHash('sha256');
    const out = fs.openSync(file, 'wx', 0o600);
    let size = 0;
    try {
      for await (const chunk of response.body) {
        size += chunk.length;
        if (size > most) throw new Refusal(`${shown(url)} is larger than ${most} bytes: that is not the core`, unclear);
        hash.update(chunk);
        fs.writeSync(out, chunk);
      }
    } finally {
      fs.closeSync(out);
    }
    return hash.digest('hex');
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`downloading ${shown(url)}: ${error.cause?.message ?? error.message}`, unclear);
  }
}

// follow asks for url and goes where it is sent, a few times, and never to where others can listen.
async function follow(url, signal) {
  let at = url;
  for (let hop = 0; hop <= hops; hop++) {
    trusted(at);
    const response = await fetch(at, { redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location) {
      await response.body?.cancel();
      at = new URL(location, at).href;
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Refusal(`downloading ${shown(url)}: the server answered ${response.status}`, unclear);
    }
    return response;
  }
  throw new Refusal(`downloading ${shown(url)}: more than ${hops} redirects`, unclear);
}

function trusted(url) {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : {};
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return;
  throw new Refusal(`downloading ${shown(url)}: only https is taken`);
}

// shown is an address without what may be a credential in it.
function shown(url) {
  return url.replace(/[?#].*$/, '').replace(/\/\/[^/@]*@/, '//');
}

// build compiles the core where Go and the source are there, as for `uses: ./`.
async function build(env, signal) {
  const source = path.resolve(__dirname, '..', '..', '..');
  if (!fs.existsSync(path.join(source, 'go.mod'))) throw new Refusal(`there is no core here, and no source to build it from. ${advice}`);
  const file = path.join(fs.mkdtempSync(path.join(temporary(env), 'assay-built-')), 'assay');
  const version = [input(env, 'version'), env.GITHUB_ACTION_REF].find((v) => /^[\w.+-]+$/.test(v ?? '')) ?? 'dev';
  const go = spawn('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w -X main.version=${version}`, '-o', file, './cmd/assay'],
    { cwd: source, env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' }, stdio: ['ignore', 'inherit', 'inherit'], signal });
  const code = await new Promise((resolve, reject) => {
    go.on('error', (error) => {
      if (signal.aborted) reject(new Refusal('interrupted while the core was built', interrupted));
      reject(new Refusal(error.code === 'ENOENT' ? `there is no core here, and no Go to build it with. ${advice}` : `building the core: ${error.message}`));
    });
    go.on('close', resolve);
  });
  if (code !== 0) throw new Refusal(`building the core from ${source} failed; what the compiler said stands above`, unclear);
  return file;
}

const advice = 'Set download-url and sha256 to a release, or binary-path to a core that is there; or set Go up (actions/setup-go) to build it from source.';

async function digest(file) {
  const hash = crypto.createHash('sha256');
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

// temporary is a directory that vanishes with the job.
function temporary(env) {
  return env.RUNNER_TEMP || os.tmpdir();
}

module.exports = { find };
