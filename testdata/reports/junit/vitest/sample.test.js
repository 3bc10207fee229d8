import { describe, expect, test } from "vitest";

describe("sums", () => {
  test("passes", () => {
    console.log("seen on stdout");
  });
  test("fails", () => {
    expect(41).toBe(42);
  });
  test.skip("is skipped", () => {});
  test.todo("is still to do");
  let tries = 0;
  test("passes when tried again", { retry: 2 }, () => {
    tries += 1;
    expect(tries).toBe(2);
  });
});
