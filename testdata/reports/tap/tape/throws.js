const test = require('tape');

test('before', (t) => { t.ok(true, 'before'); t.end(); });
test('throws', () => { throw new Error('lost'); });
test('after', (t) => { t.ok(true, 'after'); t.end(); });
