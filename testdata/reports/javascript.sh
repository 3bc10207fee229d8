#!/bin/sh
# Makes the fixtures of playwright-json, mocha-json, mochawesome, jest-json, ctrf and cucumber-json by running the
# tools from npm (Node 20; versions below): sh javascript.sh. Expectations: expected.json beside each.
set -u
here=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); cd "$work" || exit 1
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mocha@12.0.3 mochawesome@8.1.1 jest@30.5.2 vitest@2.1.9 @playwright/test@1.65.1 @cucumber/cucumber@12.9.0 jest-ctrf-json-reporter@0.0.11 || exit 1
mkdir -p t; cat > t/a.spec.js <<'END'
const { test, expect } = require('@playwright/test');
const fs = require('fs');
test('passes', async () => { console.log('fine'); });
test.describe('cart', () => {
  test('fails', async () => { expect(1).toBe(2); });
  test('skipped', async () => { test.skip(true, 'no database'); });
  test('is flaky', async ({}, info) => { if (info.retry === 0) throw new Error('first time'); });
  test('is expected to fail', async () => { test.fail(); expect(1).toBe(2); });
  test('is wrongly expected to fail', async () => { test.fail(); });
  test('takes too long', async () => { test.setTimeout(50); await new Promise(r => setTimeout(r, 500)); });
});
test.describe('hook', () => {
  test.beforeAll(() => { throw new Error('no environment'); });
  test('never runs', async () => {});
  test('never runs either', async () => {});
});
END
mkdir -p t; cat > t/broken.spec.js <<'END'
const { test } = require('@playwright/test');
throw new Error('cannot be loaded');
END
cat > playwright.config.js <<'END'
module.exports = { testDir: './t', testMatch: '*.spec.js', retries: 1, projects: [{ name: 'one' }] };
END
mkdir -p m; cat > m/a.test.js <<'END'
const assert = require('assert');
describe('cart', function () {
  it('passes', function () {});
  it('fails', function () { assert.strictEqual(1, 2); });
  it('throws', function () { throw new Error('boom'); });
  it('is not written');
  it.skip('is skipped', function () {});
  it('times out', function (done) { this.timeout(20); });
  let n = 0;
  it('is flaky', function () { this.retries(2); if (n++ < 1) throw new Error('first time'); });
  describe('hook', function () {
    before(function () { throw new Error('no environment'); });
    it('never runs', function () {});
  });
});
END
mkdir -p j; cat > j/a.test.js <<'END'
const { describe, test, expect } = require('@jest/globals');
jest.retryTimes(1);
let n = 0;
test('passes', () => {});
describe('cart', () => {
  test('fails', () => { expect(1).toBe(2); });
  test('throws', () => { throw new Error('boom'); });
  test.skip('is skipped', () => {});
  test.todo('is not written');
  test('is flaky', () => { if (n++ < 1) throw new Error('first time'); });
});
END
mkdir -p j; cat > j/broken.test.js <<'END'
throw new Error('cannot be loaded');
END
mkdir -p v; cat > v/a.test.mjs <<'END'
import { describe, test, expect } from 'vitest';
let n = 0;
test('passes', () => {});
describe('cart', () => {
  test('fails', () => { expect(1).toBe(2); });
  test.skip('is skipped', () => {});
  test.todo('is not written');
  test('is flaky', { retry: 1 }, () => { if (n++ < 1) throw new Error('first time'); });
});
END
mkdir -p v; cat > v/broken.test.mjs <<'END'
throw new Error('cannot be loaded');
END
mkdir -p features; cat > features/cart.feature <<'END'
Feature: cart
  Background:
    Given a shop

  @smoke
  Scenario: passes
    When it works

  Scenario: fails
    When it breaks
    Then it works

  Scenario: is not written
    When nobody wrote this step

  Scenario: is pending
    When it is pending

  Scenario: is skipped
    When it is skipped

  Scenario Outline: counts <n>
    When it works
    Examples:
      | n |
      | 1 |
      | 2 |

  Scenario: is ambiguous
    When it is ambiguous

  @hook
  Scenario: hook breaks
    When it works

  Scenario: is flaky
    When it works the second time
END
mkdir -p features/steps; cat > features/steps/steps.js <<'END'
const { Given, When, Then, Before } = require('@cucumber/cucumber');
const assert = require('assert');
let n = 0;
Before({ tags: '@hook' }, () => { throw new Error('no environment'); });
Given('a shop', () => {});
When('it works', () => {});
When('it breaks', () => { assert.strictEqual(1, 2); });
When('it is pending', () => 'pending');
When('it is skipped', () => 'skipped');
When(/^it is ambig/, () => {});
When(/^it is ambiguous$/, () => {});
When('it works the second time', () => { if (n++ < 1) throw new Error('first time'); });
END
npx playwright test a.spec.js --reporter=json > "$here/playwright-json/playwright/report.json"
npx playwright test --reporter=json > "$here/playwright-json/playwright/report-broken-file.json"
npx mocha m/a.test.js --reporter json > "$here/mocha-json/mocha/report.json"
npx mocha m/a.test.js --reporter mochawesome --reporter-options "reportDir=$work,html=false,quiet=true"
cp mochawesome.json "$here/mochawesome/mochawesome/report.json"
npx jest --rootDir j --json --outputFile="$here/jest-json/jest/report.json" --testLocationInResults
npx vitest run --root v --reporter=json --outputFile="$here/jest-json/vitest/report.json"
npx jest --rootDir j --reporters=jest-ctrf-json-reporter
cp ctrf/ctrf-report.json "$here/ctrf/jest/report.json"
npx cucumber-js --retry 1 --format "json:$here/cucumber-json/cucumber-js/report.json"
sed -i "s#$work#/src/shop#g" "$here"/*/*/report*.json
rm -rf "$work"
exit 0
