describe('cart', function () {
  afterAll(function () { throw new Error('cannot be removed'); });
  it('passes', function () { expect(1).toBe(1); });
});
