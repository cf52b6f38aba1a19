import assert from "node:assert/strict";
import { test } from "node:test";
import { asBallot, attempted, failed, isFree, leased, nextBatch, openOutbox, pauseAfter, receiptsOf, released, settle, takeBack, withEntries } from "../../frontend/static/js/logic/outbox.js";

const entry = (id, more = {}) => ({ client_id: id, token: `t-${id}`, verdict: "dope", response_ms: 1, at: 0, attempts: 0, study: "s", ...more });
const outboxOf = (...ids) => withEntries(openOutbox(), ids.map((id) => entry(id)));
const ids = (entries) => entries.map((one) => one.client_id);
const receipts = (...statuses) => statuses.map((status) => ({ token: "", status }));

test("answers kept by an earlier page come in the order in which they were given and may have been sent", () => {
  const outbox = openOutbox([entry("b", { at: 2 }), entry("a", { at: 1 })]);
  assert.deepEqual(ids(outbox.entries), ["a", "b"]);
  assert.equal(takeBack(outbox, "s"), null);
});

test("everything is sent at once, up to fifty answers", () => {
  assert.deepEqual(ids(nextBatch(outboxOf("a", "b"))), ["a", "b"]);
  assert.equal(nextBatch(outboxOf(...Array.from({ length: 60 }, (_, n) => String(n)))).length, 50);
});

test("while nothing gets through, answers given since are not tried, so that they can be taken back", () => {
  const first = outboxOf("a");
  const stuck = withEntries(failed(attempted(first, first.entries)), [entry("b")]);
  assert.deepEqual(ids(nextBatch(stuck)), ["a"]);
  assert.equal(takeBack(stuck, "s").entries[0].client_id, "b");
});

test("an answer leaves when the server has said what became of it, whatever that was", () => {
  const outbox = outboxOf("a", "b", "c");
  const { outbox: rest, settled } = settle(outbox, receiptsOf(outbox.entries, receipts("recorded", "unknown", "already_recorded")));
  assert.deepEqual(rest, openOutbox());
  assert.deepEqual(settled.map(({ status }) => status), ["recorded", "unknown", "already_recorded"]);
});

test("an answer without a receipt stays", () => {
  const outbox = outboxOf("a", "b");
  assert.deepEqual(ids(settle(outbox, receiptsOf(outbox.entries, receipts("recorded"))).outbox.entries), ["b"]);
});

test("an answer sent twice at the same time is settled once", () => {
  const outbox = outboxOf("a");
  const once = settle(outbox, receiptsOf(outbox.entries, receipts("recorded")));
  assert.deepEqual(settle(once.outbox, receiptsOf(outbox.entries, receipts("already_recorded"))).settled, []);
});

test("an answer given while others were on their way is not lost with their receipts", () => {
  const outbox = outboxOf("a");
  const meanwhile = withEntries(attempted(outbox, outbox.entries), [entry("b")]);
  assert.deepEqual(ids(settle(meanwhile, receiptsOf(outbox.entries, receipts("recorded"))).outbox.entries), ["b"]);
});

test("only what the server cannot know is taken back here", () => {
  const outbox = outboxOf("a", "b");
  const taken = takeBack(outbox, "s");
  assert.deepEqual(ids(taken.entries), ["b"]);
  assert.deepEqual(ids(taken.outbox.entries), ["a"]);
  assert.equal(takeBack(attempted(outbox, outbox.entries), "s"), null);
});

test("taking back looks at its own study only", () => {
  const outbox = withEntries(outboxOf("a"), [entry("b", { study: "other" })]);
  assert.deepEqual(ids(takeBack(outbox, "s").entries), ["a"]);
  assert.equal(takeBack(outbox, "third"), null);
});

test("pictures judged together are taken back together, or not at all once one of them was sent", () => {
  const outbox = withEntries(outboxOf("a"), [entry("b", { act: "x" }), entry("c", { act: "x" })]);
  const taken = takeBack(outbox, "s");
  assert.deepEqual(ids(taken.entries), ["b", "c"]);
  assert.deepEqual(ids(taken.outbox.entries), ["a"]);
  assert.equal(takeBack(attempted(outbox, [outbox.entries[1]]), "s"), null);
});

test("what one sender carries is left alone by others until its lease ran out", () => {
  const carried = leased(entry("a"), "me", 1000);
  assert.equal(carried.attempts, 1);
  assert.equal(isFree(entry("a"), "me", 1000), true);
  assert.equal(isFree(carried, "me", 1001), true);
  assert.equal(isFree(carried, "other", 1001), false);
  assert.equal(isFree(carried, "other", 22_000), true);
  assert.equal(isFree(released(carried), "other", 1001), true);
});

test("what somebody carried who is gone is free, whatever its lease says", () => {
  const carried = leased(entry("a"), "crashed", 1000);
  assert.equal(isFree(carried, "other", 1001, new Set(["other"])), true);
  assert.equal(isFree(carried, "other", 1001, new Set(["other", "crashed"])), false);
});

test("the server is told what it asks for and nothing else", () => {
  assert.deepEqual(Object.keys(asBallot(leased(entry("a"), "me", 0))).sort(), ["client_id", "response_ms", "token", "verdict"]);
});

test("pauses double up to half a minute and are never in step", () => {
  assert.deepEqual([1, 2, 3, 4].map((failures) => pauseAfter(failures, 1)), [1000, 2000, 4000, 8000]);
  assert.equal(pauseAfter(50, 1), 30_000);
  assert.equal(pauseAfter(1, 0), 500);
});

test("whatever is lost on the way, each answer is settled once and none is left behind", () => {
  // A network that loses requests and receipts by a fixed pattern, and a server that records each exposure once.
  let outbox = outboxOf(..."abcdefghij");
  const recorded = [];
  const settledIds = [];
  for (let round = 0; outbox.entries.length > 0; round += 1) {
    const batch = nextBatch(outbox, 3);
    outbox = attempted(outbox, batch);
    if (round % 3 !== 0) {
      const statuses = batch.map(({ token }) => (recorded.includes(token) ? "already_recorded" : (recorded.push(token), "recorded")));
      if (round % 3 === 1) {
        const result = settle(outbox, receiptsOf(batch, receipts(...statuses)));
        outbox = result.outbox;
        settledIds.push(...ids(result.settled.map((one) => one.entry)));
        continue;
      }
    }
    outbox = failed(outbox);
    assert.ok(round < 100);
  }
  assert.deepEqual(settledIds, [..."abcdefghij"]);
  assert.equal(new Set(recorded).size, 10);
  assert.equal(recorded.length, 10);
});
