const { test, expect } = require('@playwright/test');

test('passes', async ({ page }) => {
  await page.setContent('<h1>Cart</h1>');
  await expect(page.locator('h1')).toHaveText('Cart');
  console.log('counted <1> & 2');
});
test.describe('cart', () => {
  test('fails', async ({ page }) => {
    await page.setContent('<h1>Cart</h1>');
    await expect(page.locator('h1')).toHaveText('Order', { timeout: 100 });
  });
  test('is skipped', async () => { test.skip(true, 'no printer here'); });
  test.fixme('is to be mended', async () => {});
  test('is flaky', async ({}, info) => { if (info.retry === 0) throw new Error('first time'); });
  test('is expected to fail', async () => { test.fail(); expect(1).toBe(2); });
  test('is wrongly expected to fail', async () => { test.fail(); });
  test('takes too long', async () => { test.setTimeout(100); await new Promise(() => {}); });
  test('keeps a trace', async ({}, info) => { info.annotations.push({ type: 'issue', description: 'SHOP-7' }); await info.attach('note', { body: 'kept' }); });
});
test.describe('hook', () => {
  test.beforeAll(() => { throw new Error('no environment'); });
  test('never runs', async () => {});
  test('never runs either', async () => {});
});
for (const cents of [1, 2]) test(`taxes ${cents}`, async () => { expect(cents).toBe(1); });
