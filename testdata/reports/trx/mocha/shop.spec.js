const assert = require('assert');

describe('shop', () => {
  it('passes', () => { console.log('counted <1> & 2'); });
  it('fails', () => { assert.strictEqual(3, 4, 'sum of the cart'); });
  it('throws', () => { throw new Error('no "connection" <here>'); });
  it('is not written');
  it.skip('is skipped', () => {});
  it('takes too long', function (done) { this.timeout(50); });
  describe('hook', () => {
    before(() => { throw new Error('no database'); });
    it('reads', () => {});
  });
});
