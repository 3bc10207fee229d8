// After the job: removes what the step has left in the cluster, where it did not come to its end. It
// never fails the job, and is over soon.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');

const { directory, say, variables } = require('./runner');

const bound = 60_000; // milliseconds for the core to remove what is left
const grace = 5_000; // milliseconds between asking a process to end and ending it
const tick = 100; // milliseconds between two looks at it

// needed says whether something may be left: the core was killed, or ended by a signal, or whoever
// waited for it was. One that came to its end has removed everything itself.
function needed(env) {
  return Boolean(env.STATE_core) && !(Number(env.STATE_ended || NaN) < 128);
}

async function post(env, bound) {
  if (!needed(env)) return;
  // Where this step's first half was killed, the core may still be at work, or clearing up.
  await end(env.STATE_core, Number(env.STATE_pid));
  await sweep(env, bound);
}

// end ends the core that was left behind. Process ids come back, so it is looked at first.
async function end(file, pid) {
  if (!is(file, pid)) return;
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < grace && is(file, pid); waited += tick) await pause(tick);
  if (is(file, pid)) process.kill(pid, 'SIGKILL');
}

// is says whether a process runs this file. A system that does not tell has none that we know.
function is(file, pid) {
  try {
    return pid > 0 && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(file);
  } catch {
    return false;
  }
}

function sweep(env, bound) {
  return new Promise((resolve) => {
    const failed = (why) => {
      say('warning', `Jobs of this step may be left in the cluster: ${why}. \`assay sweep\` removes them; they end by themselves when their time is up.`);
      resolve();
    };
    let core;
    try {
      core = spawn(env.STATE_core, ['sweep'], {
        cwd: directory(env), env: variables(env, ['catalog', 'environment', 'kube-context', 'kubeconfig']),
        stdio: 'inherit', timeout: bound, killSignal: 'SIGKILL',
      });
    } catch (error) {
      failed(error.message);
      return;
    }
    core.on('error', (error) => failed(error.message));
    core.on('exit', (code, signal) => (code === 0 ? resolve() : failed(signal ? 'the sweep took too long' : `the sweep ended with exit code ${code}`)));
  });
}

module.exports = { post };

if (require.main === module) {
  post(process.env, bound)
    .catch((error) => say('warning', error.message))
    .finally(() => process.exit(0));
}
