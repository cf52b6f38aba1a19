import assert from "node:assert/strict";
import { test } from "node:test";
import { roundedShare } from "../../frontend/static/js/logic/shares.js";

test("what is not the whole is never all, and what is not nothing is never none", () => {
  assert.deepEqual(roundedShare(4749 / 4760), [">", 99]);
  assert.deepEqual(roundedShare(1), ["", 100]);
  assert.deepEqual(roundedShare(1 / 4760), ["<", 1]);
  assert.deepEqual(roundedShare(0), ["", 0]);
});

test("what sums of floats leave is no share", () => {
  assert.deepEqual(roundedShare(0.1 + 0.2 + 0.7 - 1e-16), ["", 100]);
  assert.deepEqual(roundedShare(1e-17), ["", 0]);
});

test("halves go to the even number", () => {
  assert.deepEqual([0.125, 0.375, 0.654].map((share) => roundedShare(share)[1]), [12, 38, 65]);
});
