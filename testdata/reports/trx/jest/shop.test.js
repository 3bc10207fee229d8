test('passes', () => { expect(1).toBe(1); });
describe('cart', () => {
  test('fails', () => { expect(3).toBe(4); });
  test('throws', () => { throw new Error('no "connection" <here>'); });
  test.skip('is skipped', () => {});
  test.todo('is not written');
});
describe('database', () => {
  beforeAll(() => { throw new Error('no database'); });
  test('reads', () => {});
});
