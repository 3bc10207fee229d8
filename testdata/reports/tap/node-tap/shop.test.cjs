const t = require('tap');

t.test('passes', (t) => { t.ok(true, 'one # is one'); t.comment('counted'); t.end(); });
t.test('fails', (t) => { t.equal(4, 3, 'sum of the cart'); t.match({ a: 1 }, { a: 2 }, 'carts'); t.end(); });
t.test('throws', () => { throw new Error('no connection'); });
t.test('is skipped', { skip: 'no printer here' }, (t) => { t.fail(); t.end(); });
t.test('is to do', { todo: 'not built' }, (t) => { t.fail(); t.end(); });
t.test('marks', (t) => { t.ok(false, 'rounding', { todo: 'later' }); t.ok(false, 'rates', { skip: 'no network' }); t.end(); });
t.test('nests', (t) => { t.test('inside', (s) => { s.ok(false, 'gross'); s.end(); }); t.end(); });
t.test('plans too much', { timeout: 200 }, (t) => { t.plan(2); t.ok(true, 'only one'); });
t.end();
