import assert from "node:assert/strict";
import { test } from "node:test";

import { LATEST_MS, SOONEST_MS, after, begin, delay } from "../../frontend/static/js/logic/polling.js";

test("while things change, one looks soon", () => {
  assert.equal(begin().wait, SOONEST_MS);
  assert.deepEqual(after({ wait: LATEST_MS }, "changed"), begin());
});

test("while nothing changes, ever more seldom, but never never", () => {
  let pace = begin();
  const waits = Array.from({ length: 20 }, () => (pace = after(pace, "same")).wait);
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.ok(waits[0] > SOONEST_MS);
  assert.equal(waits.at(-1), LATEST_MS);
});

test("who fails waits longer than who sees nothing new", () => {
  assert.ok(after(begin(), "failed").wait > after(begin(), "same").wait);
});

test("nobody looks at a hidden page", () => {
  assert.equal(delay(begin(), true, 0.5), null);
});

test("many viewers are spread over time", () => {
  const [first, last] = [delay(begin(), false, 0), delay(begin(), false, 1)];
  assert.ok(first < SOONEST_MS && last > SOONEST_MS && last < 1.2 * SOONEST_MS);
});
