describe('cart', function () {
  it('passes', function () { expect(1).toBe(1); console.log('fine'); });
  it('fails', function () { expect(1).toBe(2); expect(2).toBe(3); });
  it('throws', function () { throw new TypeError('no cart'); });
  it('is pending', function () { pending('no database'); });
  xit('is left out', function () {});
  it('is not written');
  it('expects nothing', function () {});
  it('takes too long', function (done) {}, 20);
  [1, 2].forEach(function (n) { it('counts ' + n, function () { expect(n + n).toBe(2); }); });
  describe('whose setup breaks', function () {
    beforeEach(function () { throw new Error('no environment'); });
    it('never runs', function () { expect(1).toBe(1); });
  });
  describe('prices', function () {
    it('net', function () { expect(1).toBe(1); });
  });
});
