// What GitHub's runner offers a step: inputs, outputs, the state that a later half of the step gets
// to see, and messages.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

// Names of the inputs that are flags of the core. A test compares them with the core's own.
const flags = [
  'advisory', 'approve-fork', 'catalog', 'core-image', 'drain', 'dry-run', 'environment', 'export-input',
  'from-environment', 'html', 'input', 'key', 'kube-context', 'kubeconfig', 'output', 'parallel', 'policy', 'publish',
  'record', 'release', 'sign-key', 'snapshot', 'start-timeout', 'store', 'summary', 'summary-limit', 'timeout',
  'wait-for-subject',
];

// Refusal is a failure that is explained to a person; code is the exit code, as the core's are meant.
class Refusal extends Error {
  constructor(message, code = usage) {
    super(message);
    this.code = code;
  }
}
const unclear = 3; // could not tell
const usage = 64; // wrong inputs
const interrupted = 130;

// input gives an input's text, without the space around it; '' where it is not set.
function input(env, name) {
  return (env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

// words are the parts of an input that lists several.
function words(env, name) {
  return input(env, name).split(/[\s,]+/).filter(Boolean);
}

// workspace is where paths in inputs start from.
function workspace(env) {
  return env.GITHUB_WORKSPACE || process.cwd();
}

function directory(env) {
  const dir = path.resolve(workspace(env), input(env, 'working-directory') || '.');
  if (!fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Refusal(`working-directory: there is no directory ${dir}. Does a step before this one check the repository out?`);
  }
  return dir;
}

// variables is the core's environment: the inputs in names are its ASSAY_ variables. The inputs
// themselves are left out: a shell such as dash drops names with a dash anyway, and the token is among them.
function variables(env, names) {
  const out = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('INPUT_')));
  for (const name of names) {
    const value = input(env, name);
    if (value) out[`ASSAY_${name.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  const token = input(env, 'token');
  if (token) out.ASSAY_GITHUB_TOKEN = token;
  const leg = input(env, 'matrix');
  if (leg) out.ASSAY_MATRIX = leg;
  return out;
}

// record appends a value to one of the runner's files: GITHUB_OUTPUT, GITHUB_STATE. A later value of the
// same name counts. The delimiter cannot be guessed by whoever wrote the value.
function record(file, name, value) {
  if (!file) return;
  const end = `end-${crypto.randomUUID()}`;
  fs.appendFileSync(file, `${name}<<${end}\n${value}\n${end}\n`);
}

// say shows a message on the run's page; level is error, warning or notice.
function say(level, message) {
  const text = String(message).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  fs.writeSync(1, `::${level} title=Assay::${text}\n`);
}

// listenToNobody makes the runner take what follows in this step as text. It would otherwise obey
// lines that a test prints, such as ::set-output. The answer is what makes it listen again; it is not for
// when a core has run: what that has said may still be on its way.
function listenToNobody() {
  const word = crypto.randomUUID();
  fs.writeSync(1, `::stop-commands::${word}\n`);
  return () => fs.writeSync(1, `::${word}::\n`);
}

module.exports = { Refusal, directory, flags, input, interrupted, listenToNobody, record, say, unclear, usage, variables, words, workspace };
