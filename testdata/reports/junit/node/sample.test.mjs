import assert from "node:assert";
import { describe, it, test } from "node:test";

test("passes", () => {});
test("fails", () => assert.strictEqual(41, 42));
test("is skipped", { skip: "needs a database" }, () => {});
test("is still to do", { todo: true }, () => {});
describe("sums", () => {
  it("passes inside", () => {});
  it("throws", () => {
    throw new TypeError("not <a> function");
  });
});
