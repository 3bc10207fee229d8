const test = require('tape');

test('passes', (t) => { t.plan(2); t.ok(true); t.equal(1, 1, 'one # is one'); t.comment('counted'); });
test('fails', (t) => { t.equal(3, 4, 'sum of the cart'); t.deepEqual({ a: 1 }, { a: [2] }, 'carts'); t.end(); });
test('throws nothing', (t) => { t.doesNotThrow(() => { throw new Error('no connection'); }); t.end(); });
test('is skipped', { skip: 'no printer here' }, (t) => { t.fail(); t.end(); });
test('is to do', { todo: 'not built' }, (t) => { t.ok(false, 'built'); t.end(); });
test('skips one', (t) => { t.skip('no rates here'); t.pass('net', { skip: 'only on solaris' }); t.end(); });
test('nests', (t) => { t.test('inside', (s) => { s.ok(false, 'gross'); s.end(); }); t.end(); });
test('plans too much', (t) => { t.plan(2); t.ok(true, 'only one'); t.timeoutAfter(50); });
