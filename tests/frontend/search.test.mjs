import assert from "node:assert/strict";
import { test } from "node:test";
import { chips, judged, keysOf, lastJudged, nothingChosen, toggled } from "../../frontend/static/js/logic/search.js";

test("a filter is switched on and off, and an empty column is none", () => {
  const once = toggled(nothingChosen(), "category", "dress");
  assert.deepEqual(once.filters, { category: ["dress"] });
  assert.deepEqual(toggled(once, "category", "skirt").filters, { category: ["dress", "skirt"] });
  assert.deepEqual(toggled(once, "category", "dress").filters, {});
});

test("the same verdict again takes it back, another one replaces it", () => {
  const liked = judged(judged(nothingChosen(), "a", "dope"), "b", "dope");
  assert.deepEqual(keysOf(liked, "dope"), ["a", "b"]);
  const changed = judged(liked, "a", "nope");
  assert.deepEqual([keysOf(changed, "dope"), keysOf(changed, "nope")], [["b"], ["a"]]);
  assert.deepEqual(keysOf(judged(changed, "a", "nope"), "nope"), []);
});

test("undo begins with what was said last", () => {
  const said = judged(judged(nothingChosen(), "a", "dope"), "b", "nope");
  assert.equal(lastJudged(said), "b");
  assert.equal(lastJudged(judged(said, "b", "nope")), "a");
  assert.equal(lastJudged(nothingChosen()), undefined);
});

test("chips that are on come first, then the most frequent, and none that is on is lost", () => {
  const counts = { dress: 5, hat: 9, skirt: 1 };
  assert.deepEqual(chips(counts, ["skirt", "gone"], 3), [
    { name: "skirt", count: 1, on: true },
    { name: "gone", count: 0, on: true },
    { name: "hat", count: 9, on: false },
  ]);
});
