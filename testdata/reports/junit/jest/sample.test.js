describe("sums", () => {
  test("passes", () => {});
  test("fails", () => {
    expect(41).toBe(42);
  });
  test.skip("is skipped", () => {});
  test.todo("is still to do");
  describe("nested", () => {
    test.each([1, 2])("row %i", () => {});
  });
});
