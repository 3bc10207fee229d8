'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { job, run, start, until } = require('./rig_test');
const { flags } = require('./runner');

test('inputs become variables, and arguments only where a variable cannot hold them', async (t) => {
  const j = job(t);
  fs.mkdirSync(j.at('workspace/below'));
  for (const name of flags) j.env[`INPUT_${name.toUpperCase()}`] = `the ${name}`;
  Object.assign(j.env, {
    'INPUT_WORKING-DIRECTORY': 'below', INPUT_SUITES: 'one\n--two three', INPUT_TOKEN: 's3cret', INPUT_MATRIX: '3',
    INPUT_SUBJECT: 'a@sha256:1\n  b@sha256:2\n', ASSAY_STORE: 'of the job', ASSAY_OTHER: 'kept',
  });
  const { code, said } = await run(j);
  assert.equal(code, 0, said);
  const [called, ...more] = j.notes();
  assert.deepEqual(more, []);
  assert.deepEqual(called.args, ['run', '--subject=a@sha256:1', '--subject=b@sha256:2', '--', 'one', '--two', 'three']);
  assert.equal(called.cwd, fs.realpathSync(j.at('workspace/below')));
  for (const name of flags) assert.equal(called.env[`ASSAY_${name.toUpperCase().replaceAll('-', '_')}`], `the ${name}`, name);
  assert.equal(called.env.ASSAY_GITHUB_TOKEN, 's3cret');
  assert.equal(called.env.ASSAY_MATRIX, '3');
  assert.equal(called.env.ASSAY_OTHER, 'kept');
  assert.deepEqual(Object.keys(called.env).filter((name) => name.startsWith('INPUT_')), []);
  assert.ok(!said.includes('s3cret') && !called.args.join().includes('s3cret'));
});

test('an input that is not set leaves the variable of the job alone', async (t) => {
  const j = job(t);
  Object.assign(j.env, { INPUT_STORE: '', ASSAY_STORE: 'of the job', INPUT_COMMAND: 'verdict' });
  await run(j);
  const [called] = j.notes();
  assert.deepEqual(called.args, ['verdict']);
  assert.equal(called.env.ASSAY_STORE, 'of the job');
  assert.ok(!('ASSAY_GITHUB_TOKEN' in called.env));
});

for (const code of [0, 1, 2, 3, 64, 130]) {
  test(`exit code ${code} is passed on`, async (t) => {
    const j = job(t);
    j.env.FAKE = String(code);
    j.env.FAKE_OUTPUT = 'decision=NOT_READY\nexit-code=7\n';
    assert.equal((await run(j)).code, code);
    assert.equal(j.outputs()['exit-code'], String(code), 'the code is the one that the core ended with');
    assert.equal(j.outputs().decision, 'NOT_READY', 'what the core says counts');
    assert.equal(j.state().ended, String(code));
  });
}

test('a core that is killed leaves outputs that say so', async (t) => {
  const j = job(t);
  j.env.FAKE = 'kill';
  assert.equal((await run(j)).code, 137);
  assert.deepEqual(j.outputs(), {
    decision: 'ERROR', title: 'Could not tell: assay ended before there was an outcome', ready: 'false', 'run-ids': '', 'exit-code': '137',
  });
});

test('signals reach the core, each once, and the step waits for it', async (t) => {
  const j = job(t);
  j.env.FAKE = 'wait';
  const step = start(j);
  await step.heard('at work');
  process.kill(-step.child.pid, 'SIGINT'); // the whole group, as Ctrl-C in a terminal does
  await until(() => j.notes().includes('SIGINT'));
  step.child.kill('SIGTERM');
  assert.deepEqual(await step.ended, { code: 130, signal: null });
  assert.deepEqual(j.notes().slice(1), ['SIGINT', 'SIGTERM']);
  assert.equal(j.state().ended, '130');
});

test('what is wrong before the core starts is said, with outputs', async (t) => {
  for (const [name, set, code, why] of [
    ['a core that is not there', { 'INPUT_BINARY-PATH': 'gone' }, 64, /binary-path: there is no file .*gone/],
    ['a core that is not executable', { 'INPUT_BINARY-PATH': 'plain' }, 64, /plain is not executable/],
    ['a core that is no program', { 'INPUT_BINARY-PATH': 'text' }, 3, /text cannot be run/],
    ['another command', { INPUT_COMMAND: 'sweep' }, 64, /command is "sweep": use run, verdict, publish/],
    ['a directory that is not there', { 'INPUT_WORKING-DIRECTORY': 'gone' }, 64, /there is no directory .*gone/],
    ['a digest that is none', { INPUT_SHA256: 'abc' }, 64, /sha256 is "abc"/],
    ['another core than the pinned one', { INPUT_SHA256: '0'.repeat(64) }, 3, /is not the pinned file, and was not run/],
  ]) {
    await t.test(name, async (t) => {
      const j = job(t);
      fs.writeFileSync(j.at('workspace/plain'), 'x');
      fs.writeFileSync(j.at('workspace/text'), '#!/nowhere/sh\n', { mode: 0o755 });
      Object.assign(j.env, set);
      const got = await run(j);
      assert.equal(got.code, code, got.said);
      assert.match(got.said, /^(::stop-commands::(.*)\n::\2::\n)?::error title=Assay::/, 'the runner listens');
      assert.match(got.said, why);
      const outputs = j.outputs();
      assert.match(outputs.title, why);
      assert.deepEqual([outputs.decision, outputs.ready, outputs['exit-code'], outputs['run-ids']], ['ERROR', 'false', String(code), '']);
      assert.deepEqual(j.notes(), [], 'no core was started');
    });
  }
});

test('the runner obeys nothing that the core prints', async (t) => {
  const j = job(t);
  const { said } = await run(j);
  const first = /^::stop-commands::([0-9a-f-]{36})\n/.exec(said);
  assert.ok(first, said);
  assert.ok(!said.includes(`::${first[1]}::`), 'its word is never given back');
});

test('a value with lines of its own stays one value', async (t) => {
  const j = job(t);
  fs.renameSync(j.at('workspace'), j.at('work\nready=true\nspace'));
  j.env.GITHUB_WORKSPACE = j.at('work\nready=true\nspace');
  j.env['INPUT_BINARY-PATH'] = 'gone';
  const { said } = await run(j);
  assert.equal(j.outputs().ready, 'false');
  assert.ok(said.includes('work%0Aready=true%0Aspace'), said);
});

test('without a runner around it the step still works', async (t) => {
  const j = job(t);
  for (const name of ['GITHUB_OUTPUT', 'GITHUB_STATE', 'RUNNER_TEMP']) delete j.env[name];
  j.env['INPUT_BINARY-PATH'] = path.join(j.env.GITHUB_WORKSPACE, 'core');
  assert.equal((await run(j)).code, 0);
});
