import { Selector } from 'testcafe';

fixture('cart').page('./page.html').meta({ ticket: 'SHOP-7' });

test('passes', async (t) => { await t.expect(Selector('#lines').innerText).eql('2'); });
test.meta({ owner: 'payments' })('fails', async (t) => { await t.expect(Selector('#lines').innerText).eql('3', 'counts lines', { timeout: 100 }); });
test('throws', async () => { throw new TypeError('no cart'); });
test('finds nothing', async (t) => { await t.click(Selector("#nothing", { timeout: 100 })); });
test.skip('is skipped', async () => {});

[1, 2].forEach((n) => test(`counts ${n}`, async (t) => { await t.expect(n + n).eql(2); }));

let tries = 0;
test('is flaky', async (t) => { tries += 1; await t.expect(tries).gt(1); });

fixture('hooks').page('./page.html');

test.before(async () => { throw new Error('no environment'); })('setup breaks', async () => {});
test.after(async () => { throw new Error('cannot be removed'); })('teardown breaks', async () => {});

fixture('order').page('./page.html').before(async () => { throw new Error('no database'); });

test('never runs', async () => {});
