// What the tests of the wrapper share: a job's environment as GitHub's runner makes it, a core that
// tells what it was given, and the two halves of the step as the runner starts them.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

// fake is a core that writes down how it was called and then does as FAKE says: a number is an exit
// code, kill ends it by a signal, wait lasts until SIGTERM, stay until it is killed.
const fake = `#!${process.execPath}
const fs = require('node:fs');
const note = (what) => fs.appendFileSync(process.env.FAKE_NOTES, JSON.stringify(what) + '\\n');
const how = process.argv[2] === 'sweep' ? process.env.FAKE_SWEEP ?? '0' : process.env.FAKE;
note({ args: process.argv.slice(2), cwd: process.cwd(), env: process.env });
if (process.env.FAKE_OUTPUT) fs.appendFileSync(process.env.GITHUB_OUTPUT, process.env.FAKE_OUTPUT);
if (how === 'kill') process.kill(process.pid, 'SIGKILL');
if (how === 'wait' || how === 'stay') {
  process.on('SIGINT', () => note('SIGINT'));
  process.on('SIGTERM', () => { note('SIGTERM'); if (how === 'wait') process.exit(130); });
  setInterval(() => {}, 1000);
  console.log('at work');
} else {
  process.exitCode = Number(how);
}
`;

// job is a job of a runner with an empty workspace; it is removed when the test ends.
function job(t) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-action-'));
  t.after(() => fs.rmSync(root, { recursive: true, force: true }));
  const at = (name) => path.join(root, name);
  for (const name of ['workspace', 'temp']) fs.mkdirSync(at(name));
  for (const name of ['output', 'state', 'notes']) fs.writeFileSync(at(name), '');
  fs.writeFileSync(at('workspace/core'), fake, { mode: 0o755 });
  return {
    root,
    at,
    env: {
      PATH: process.env.PATH, HOME: root, GITHUB_WORKSPACE: at('workspace'), RUNNER_TEMP: at('temp'),
      GITHUB_OUTPUT: at('output'), GITHUB_STATE: at('state'), FAKE_NOTES: at('notes'), FAKE: '0',
      'INPUT_BINARY-PATH': 'core', INPUT_COMMAND: 'run', 'INPUT_WORKING-DIRECTORY': '.',
    },
    notes: () => fs.readFileSync(at('notes'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
    outputs: () => values(at('output')),
    state: () => values(at('state')),
  };
}

// values reads a file of the runner as the runner does: a later value of the same name counts.
function values(file) {
  const out = {};
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  while (lines.length) {
    const line = lines.shift();
    const match = /^([^=]*?)<<(.*)$/.exec(line);
    if (!match) {
      if (line) out[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
      continue;
    }
    const end = lines.indexOf(match[2]);
    out[match[1]] = lines.splice(0, end + 1).slice(0, -1).join('\n');
  }
  return out;
}

// start starts a half of the step; started has its process, what it said, and how it ended.
function start(j, half = 'main.js', dir = __dirname) {
  const child = spawn(process.execPath, [path.join(dir, half)], { cwd: j.env.GITHUB_WORKSPACE, env: j.env, detached: true });
  const started = { child, said: '' };
  const hear = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      started.said += data;
      for (const look of hear) look();
    });
  }
  // heard resolves once text was said.
  started.heard = (text) => new Promise((resolve) => {
    const look = () => started.said.includes(text) && resolve();
    hear.add(look);
    look();
  });
  started.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  return started;
}

// run starts a half of the step and waits for its end.
async function run(j, half, dir) {
  const started = start(j, half, dir);
  const { code } = await started.ended;
  return { code, said: started.said };
}

// until waits for something that another process does.
async function until(holds) {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

module.exports = { fake, job, run, start, until };
