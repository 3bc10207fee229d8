const { test, expect } = require('@playwright/test');

test.describe.serial('order', () => {
  test('pays', async () => { expect(1).toBe(2); });
  test('ships', async () => {});
});
