fixture('cart').page('./page.html');

test('passes', async () => {});
test('fails', async (t) => { await t.expect(1).eql(2); });
test('is not reached', async () => {});
