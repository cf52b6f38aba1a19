import assert from "node:assert/strict";
import test from "node:test";

import { countFrom, isMilestone, isTimeToLook, roundsIn, stretch } from "../../frontend/static/js/logic/milestones.js";

test("the way leads from one milestone to the next, for ever", () => {
  assert.deepEqual(stretch(0), { from: 0, to: 10 });
  assert.deepEqual(stretch(9), { from: 0, to: 10 });
  assert.deepEqual(stretch(10), { from: 10, to: 25 });
  assert.deepEqual(stretch(60), { from: 50, to: 100 });
  assert.deepEqual(stretch(1000), { from: 1000, to: 2000 });
  assert.deepEqual(stretch(4321), { from: 4000, to: 5000 });
});

test("every milestone is reached once", () => {
  const reached = Array.from({ length: 2001 }, (_, count) => count).filter(isMilestone);
  assert.deepEqual(reached, [10, 25, 50, 100, 250, 500, 1000, 2000]);
});

test("the crowd is asked for at twenty and then every ten", () => {
  const times = Array.from({ length: 51 }, (_, count) => count).filter(isTimeToLook);
  assert.deepEqual(times, [20, 30, 40, 50]);
});

test("what was answered together is one round", () => {
  assert.equal(roundsIn([{ act: "a", client_id: "1" }, { act: "a", client_id: "2" }, { act: "b", client_id: "3" }]), 2);
  assert.equal(roundsIn([{ client_id: "1" }, { client_id: "2" }]), 2);
});

test("the count does not fall back, whether the page is new or kept", () => {
  assert.equal(countFrom(1, "old", { stamp: "old", count: 7 }, 6), 7);
  assert.equal(countFrom(1, "new", { stamp: "old", count: 7 }, 6), 7);
  assert.equal(countFrom(7, "new", { stamp: "old", count: 7 }, 0), 7);
  assert.equal(countFrom(0, "new", { stamp: "old", count: 7 }, 0), 0);
  assert.equal(countFrom(3, "", null, 2), 5);
});
