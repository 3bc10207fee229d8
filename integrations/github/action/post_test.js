'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { test } = require('node:test');

const { post } = require('./post');
const { job, run, start, until } = require('./rig_test');

// after gives the job the state that the first half has left, as the runner does.
function after(j) {
  for (const [name, value] of Object.entries(j.state())) j.env[`STATE_${name}`] = value;
  fs.writeFileSync(j.at('notes'), '');
}

function sweeps(j) {
  return j.notes().filter((note) => note.args).map((note) => note.args);
}

test('a step that came to its end leaves nothing to sweep', async (t) => {
  for (const code of ['0', '1', '64']) {
    const j = job(t);
    j.env.FAKE = code;
    await run(j);
    after(j);
    assert.deepEqual(await run(j, 'post.js'), { code: 0, said: '' });
    assert.deepEqual(sweeps(j), []);
  }
});

test('a step without a core leaves nothing to sweep', async (t) => {
  const j = job(t);
  j.env['INPUT_BINARY-PATH'] = 'gone';
  await run(j);
  after(j);
  assert.equal((await run(j, 'post.js')).code, 0);
  assert.deepEqual(sweeps(j), []);
});

test('what a killed core has left is swept, with the inputs that say where', async (t) => {
  const j = job(t);
  j.env.FAKE = 'kill';
  Object.assign(j.env, { INPUT_ENVIRONMENT: 'staging', 'INPUT_KUBE-CONTEXT': 'there', 'INPUT_DRY-RUN': 'true' });
  await run(j);
  after(j);
  assert.equal((await run(j, 'post.js')).code, 0);
  assert.deepEqual(sweeps(j), [['sweep']]);
  const [{ env }] = j.notes();
  assert.deepEqual([env.ASSAY_ENVIRONMENT, env.ASSAY_KUBE_CONTEXT, env.ASSAY_DRY_RUN], ['staging', 'there', undefined]);
});

test('a core that outlived the killed step is ended before', async (t) => {
  const j = job(t);
  j.env.FAKE = 'wait';
  const step = start(j);
  await step.heard('at work');
  await until(() => j.state().pid);
  step.child.kill('SIGKILL');
  await new Promise((resolve) => step.child.on('exit', resolve));
  after(j);
  assert.equal((await run(j, 'post.js')).code, 0);
  await step.ended; // the core held its output open
  assert.equal(j.notes()[0], 'SIGTERM');
  assert.deepEqual(sweeps(j), [['sweep']]);
});

test('a process that only has the same id is left alone', async (t) => {
  const j = job(t);
  j.env.FAKE = 'wait';
  const step = start(j);
  await step.heard('at work');
  await until(() => j.state().pid);
  const { core, pid } = j.state();
  fs.copyFileSync(core, `${core}-2`);
  Object.assign(j.env, { STATE_core: `${core}-2`, STATE_pid: pid });
  assert.equal((await run(j, 'post.js')).code, 0);
  assert.ok(!j.notes().includes('SIGTERM'));
  step.child.kill('SIGTERM');
  await step.ended;
});

test('a sweep that fails does not fail the job', async (t) => {
  for (const [name, set] of [['says no', { FAKE_SWEEP: '3' }], ['is gone', { STATE_core: '/nowhere/assay' }], ['has no place', { 'INPUT_WORKING-DIRECTORY': 'gone' }]]) {
    await t.test(name, async (t) => {
      const j = job(t);
      Object.assign(j.env, { STATE_core: j.at('workspace/core'), STATE_ended: '137' }, set);
      const { code, said } = await run(j, 'post.js');
      assert.equal(code, 0);
      assert.match(said, /^::warning title=Assay::Jobs of this step may be left in the cluster: .*assay sweep/m);
    });
  }
});

test('a sweep that hangs is ended', async (t) => {
  const j = job(t);
  Object.assign(j.env, { STATE_core: j.at('workspace/core'), FAKE_SWEEP: 'stay' });
  await post(j.env, 500); // the runner of the tests ends a test that hangs
});
