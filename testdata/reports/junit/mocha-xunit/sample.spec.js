const assert = require("node:assert");

describe("sums", () => {
  it("passes", () => {});
  it("fails", () => assert.strictEqual(41, 42, 'not <the> answer & "more"'));
  it("throws what is no Error", () => {
    throw "a string";
  });
  it.skip("is skipped", () => {});
  it("is pending");
  describe("nested", () => {
    it("passes too", () => {});
  });
});

describe("broken hook", () => {
  before(() => {
    throw new Error("the hook broke");
  });
  it("never runs", () => {});
});
