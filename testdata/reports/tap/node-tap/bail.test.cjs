const t = require('tap');

t.ok(true, 'before');
t.bailout('no database');
