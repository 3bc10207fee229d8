import test from 'ava';

test('passes', (t) => { t.pass(); t.log('counted'); });
test('fails', (t) => { t.is(4, 3, 'sum of the cart'); });
test('throws', () => { throw new Error('no "connection" # here'); });
test.skip('is skipped', (t) => { t.fail(); });
test.todo('is to do');
test.failing('is expected to fail', (t) => { t.fail(); });
test.failing('is wrongly expected to fail', (t) => { t.pass(); });
test('has no assertion', () => {});
test('times out', async (t) => { t.timeout(50); await new Promise((r) => setTimeout(r, 1000)); });
