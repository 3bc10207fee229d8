import test from 'node:test';
import assert from 'node:assert';
test('opens', () => {});
test('checkout', async (t) => {
  await t.test('pays', () => {});
  await t.test('refuses # of cards', () => { assert.equal(1, 2, 'card was taken'); });
  await t.test('later', { todo: 'not built' }, () => { throw new Error('not built'); });
  await t.test('elsewhere', { skip: 'no printer' }, () => {});
});
