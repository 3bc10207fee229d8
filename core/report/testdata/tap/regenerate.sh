#!/bin/sh
# Writes the TAP fixtures anew by running the tools: perl (Test::More), bats and node, all from Debian.
set -u
cd "$(dirname "$0")"
out=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >cart.t <<'PERL'
use Test::More;
ok(1, 'adds an item');
is(2, 3, 'counts the items');
subtest 'prices' => sub { plan tests => 3; ok(1, 'net'); ok(0, 'gross'); SKIP: { skip 'no rates here', 1; ok(0) } };
TODO: { local $TODO = 'rounding'; ok(0, 'rounds half to even'); subtest 'cents' => sub { ok(0, 'one cent'); done_testing } }
subtest 'currencies' => sub { plan skip_all => 'no network' };
done_testing;
PERL
perl cart.t >"$out/perl-test-more.tap" 2>"$work/err"
perl cart.t >"$out/perl-test-more-merged.tap" 2>&1
printf 'use Test::More tests => 5; ok(1, "before"); BAIL_OUT("no database");\n' >bail.t
perl bail.t >"$out/perl-bail-out.tap" 2>/dev/null
printf 'use Test::More tests => 3; ok(1, "before"); die "lost";\n' >died.t
perl died.t >"$out/perl-died.tap" 2>&1
printf 'use Test::More skip_all => "only on solaris";\n' >skip.t
perl skip.t >"$out/perl-skip-all.tap"

cat >shop.bats <<'BATS'
@test "opens" { true; }
@test "takes money" { echo "paying"; [ 1 -eq 2 ]; }
@test "gives change" { skip "no coins"; }
BATS
bats --formatter tap shop.bats >"$out/bats.tap" 2>&1
bats --formatter tap13 shop.bats >"$out/bats-13.tap" 2>&1

cat >shop.test.mjs <<'JS'
import test from 'node:test';
import assert from 'node:assert';
test('opens', () => {});
test('checkout', async (t) => {
  await t.test('pays', () => {});
  await t.test('refuses # of cards', () => { assert.equal(1, 2, 'card was taken'); });
  await t.test('later', { todo: 'not built' }, () => { throw new Error('not built'); });
  await t.test('elsewhere', { skip: 'no printer' }, () => {});
});
JS
node --test --test-reporter tap shop.test.mjs | sed "s#$work#/work#g" >"$out/node.tap"
