describe('shop', () => {
  it('passes', () => { console.log('counted <1> & 2'); expect(document.body).not.toBeNull(); });
  it('fails', () => { expect(4).withContext('sum of the cart').toBe(3); expect(5).toBe(6); });
  it('throws', () => { throw new Error('no "connection" <here>'); });
  it('is not written');
  it('is pending', () => { pending('not built yet'); });
  xit('is skipped', () => {});
  it('has no expectation', () => {});
  it('takes too long', (done) => {}, 50);
  describe('database', () => {
    beforeAll(() => { throw new Error('no database'); });
    it('reads', () => { expect(1).toBe(1); });
  });
  describe('teardown', () => {
    afterAll(() => { throw new Error('cannot be closed'); });
    it('reads', () => { expect(1).toBe(1); });
  });
  [1, 2].forEach((cents) => it(`taxes ${cents}`, () => { expect(cents).toBe(1); }));
});
