use Test::More tests => 5; ok(1, "before"); BAIL_OUT("no database");
