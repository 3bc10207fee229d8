const { After, Before, Given, When } = require('@cucumber/cucumber');
const assert = require('assert');

let tries = 0;
Before({ tags: '@hook' }, () => { throw new Error('no environment'); });
After({ tags: '@teardown' }, () => { throw new Error('cannot be closed'); });
Given('a shop', () => {});
When('it works', () => {});
When('it breaks', () => { assert.strictEqual(1, 2, 'sum of the cart'); });
When('it is pending', () => 'pending');
When('it is skipped', () => 'skipped');
When('it counts {int}', (n) => { assert.strictEqual(n, 1); });
When(/^it is ambig/, () => {});
When(/^it is ambiguous$/, () => {});
When('it works the second time', () => { if (tries++ < 1) throw new Error('first time'); });
When('it prints', function () { this.log('counted <1> & 2'); });
