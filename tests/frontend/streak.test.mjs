import assert from "node:assert/strict";
import { test } from "node:test";
import { cameToday, dayOf } from "../../frontend/static/js/logic/streak.js";

test("who comes for the first time has one day", () => {
  assert.deepEqual(cameToday(null, 100), { day: 100, row: 1, fresh: true });
  for (const garbage of [7, "x", {}, { day: "1", row: 2 }]) assert.equal(cameToday(garbage, 100).row, 1);
});

test("a day counts once, the next day adds one, a day left out begins anew", () => {
  const first = cameToday(null, 100);
  assert.deepEqual(cameToday(first, 100), { day: 100, row: 1, fresh: false });
  const second = cameToday(first, 101);
  assert.deepEqual(second, { day: 101, row: 2, fresh: true });
  assert.equal(cameToday(second, 103).row, 1);
});

test("the day after is one more, whatever the clock does in spring", () => {
  assert.equal(dayOf(new Date(2026, 2, 30)) - dayOf(new Date(2026, 2, 29, 23, 59)), 1);
  assert.equal(dayOf(new Date(2026, 0, 1, 0, 1)) - dayOf(new Date(2025, 11, 31)), 1);
});
