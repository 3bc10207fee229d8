// The step: finds the core, hands the inputs over, runs it, and ends as it did. Nothing is decided here.
'use strict';

const { spawn } = require('node:child_process');
const os = require('node:os');

const { find } = require('./core');
const { Refusal, directory, flags, input, interrupted, listenToNobody, record, say, unclear, variables, words } = require('./runner');

const commands = ['run', 'verdict', 'publish'];

// args are the core's arguments. Only what a variable cannot hold is among them, and never a secret.
function args(env) {
  const command = input(env, 'command') || 'run';
  if (!commands.includes(command)) throw new Refusal(`command is ${JSON.stringify(command)}: use ${commands.join(', ')}`);
  const subjects = words(env, 'subject').map((image) => `--subject=${image}`);
  const suites = words(env, 'suites');
  return [command, ...subjects, ...(suites.length ? ['--', ...suites] : [])];
}

async function main(env) {
  const output = (name, value) => record(env.GITHUB_OUTPUT, name, value);
  const state = (name, value) => record(env.GITHUB_STATE, name, value);
  // What holds if nothing better is said: a value written later counts, and the core writes its own.
  const outcome = (title, code) => {
    for (const [name, value] of Object.entries({ decision: 'ERROR', title, ready: 'false', 'run-ids': '', 'exit-code': code })) output(name, value);
  };
  outcome('Could not tell: assay ended before there was an outcome', unclear);

  // The runner sends SIGINT to this process alone, SIGTERM 7.5 s later, and kills it after 2.5 s more.
  let core;
  const search = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      search.abort();
      core?.kill(signal);
    });
  }

  try {
    const dir = directory(env);
    const its = args(env);
    const file = await find(env, search.signal).catch((error) => {
      throw search.signal.aborted ? new Refusal('interrupted before the tests began', interrupted) : error;
    });
    if (search.signal.aborted) throw new Refusal('interrupted before the tests began', interrupted);
    state('core', file);
    const listen = listenToNobody();
    const code = await new Promise((resolve, reject) => {
      // A group of its own: Ctrl-C in a terminal reaches a whole group, and two signals make the core
      // leave at once.
      core = spawn(file, its, { cwd: dir, env: variables(env, flags), stdio: 'inherit', detached: true });
      core.on('spawn', () => state('pid', core.pid));
      core.on('error', (error) => {
        listen();
        reject(new Refusal(`${file} cannot be run: ${error.message}`, unclear));
      });
      core.on('exit', (status, signal) => resolve(status ?? 128 + os.constants.signals[signal]));
    });
    state('ended', code);
    output('exit-code', code);
    return code;
  } catch (error) {
    const code = error instanceof Refusal ? error.code : unclear;
    outcome(`Could not tell: ${error.message}`, code);
    state('ended', code);
    say('error', error instanceof Refusal ? error.message : error.stack);
    return code;
  }
}

main(process.env).then((code) => process.exit(code));
