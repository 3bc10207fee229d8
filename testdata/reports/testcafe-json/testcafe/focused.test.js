fixture('cart').page('./page.html');

test.only('is focused', async () => {});
test('is left out', async (t) => { await t.expect(1).eql(2); });
