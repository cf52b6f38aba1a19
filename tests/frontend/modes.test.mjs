import assert from "node:assert/strict";
import { test } from "node:test";
import { actBehind, actOfKey, choiceOfKey, picturesOf, roundsOf, verdictsOf, wayOf } from "../../frontend/static/js/logic/modes.js";

const picture = (image) => ({ image, width: 3, height: 4, alt: image });
const pair = { token: "t", query: picture("q"), candidate: picture("c") };
const group = { token: "g", query: picture("q"), candidates: ["a", "b", "c"].map((token) => ({ token, ...picture(token) })) };
const images = (round) => picturesOf(round).map(({ image }) => image);
const said = (...args) => verdictsOf(...args).map(({ verdict }) => verdict);

test("the query stands first, unless chance put it on the right", () => {
  assert.deepEqual(images(pair), ["q", "c"]);
  assert.deepEqual(images({ ...pair, side: "right" }), ["c", "q"]);
  assert.deepEqual(images({ ...pair, side: "left" }), ["q", "c"]);
  assert.deepEqual(images(group), ["q", "a", "b", "c"]);
});

test("a swipe is a verdict on its pair", () => {
  assert.deepEqual(verdictsOf(pair, "dope"), [{ token: "t", verdict: "dope" }]);
});

test("the closer of two is dope, the other nope; alike are a tie", () => {
  const two = { ...group, candidates: group.candidates.slice(0, 2) };
  assert.deepEqual(verdictsOf(two, "right"), [{ token: "a", verdict: "nope" }, { token: "b", verdict: "dope" }]);
  assert.deepEqual(said(two, "left"), ["dope", "nope"]);
  assert.deepEqual(said(two, "tie"), ["tie", "tie"]);
});

test("in a grid what is picked is dope and all else nope", () => {
  assert.deepEqual(said(group, "done", [0, 2]), ["dope", "nope", "dope"]);
  assert.deepEqual(said(group, "done"), ["nope", "nope", "nope"]);
});

test("skip and report speak of everything that was shown", () => {
  assert.deepEqual(said(group, "skip", [1]), ["skip", "skip", "skip"]);
  assert.deepEqual(said(group, "report"), ["report", "report", "report"]);
});

test("from verdicts taken back the act is known again, and what was picked", () => {
  const two = { ...group, candidates: group.candidates.slice(0, 2) };
  for (const act of ["left", "right", "tie", "skip", "report"]) assert.equal(actBehind("two", said(two, act)).act, act);
  for (const act of ["dope", "nope", "skip", "report"]) assert.equal(actBehind("swipe", said(pair, act)).act, act);
  assert.deepEqual(actBehind("grid", said(group, "done", [1, 2])), { act: "done", picked: [1, 2] });
  assert.deepEqual(actBehind("grid", said(group, "done")), { act: "done", picked: [] });
  assert.equal(actBehind("grid", said(group, "skip")).act, "skip");
});

test("keys mean what the mode wants, letters can be turned off", () => {
  assert.equal(actOfKey("swipe", "ArrowRight", true), "dope");
  assert.equal(actOfKey("two", "ArrowRight", true), "right");
  assert.equal(actOfKey("two", "=", true), "tie");
  assert.equal(actOfKey("grid", "Enter", true), "done");
  assert.equal(actOfKey("grid", "ArrowLeft", true), null);
  assert.equal(actOfKey("swipe", "Z", true), "undo");
  assert.equal(actOfKey("swipe", "z", false), null);
  assert.equal(actOfKey("swipe", "x", true), "zoom");
  assert.equal(choiceOfKey("grid", "9"), 8);
  assert.equal(choiceOfKey("grid", "0"), null);
  assert.equal(choiceOfKey("swipe", "1"), null);
});

test("cards leave to the side that was chosen", () => {
  assert.deepEqual(["dope", "nope", "left", "right"].map(wayOf), ["right", "left", "left", "right"]);
});

test("a deck of groups is dealt like one of pairs", () => {
  const deck = { exposures: [], groups: [{ group: "g", query: group.query, candidates: group.candidates }] };
  assert.deepEqual(roundsOf(deck), [group]);
  assert.deepEqual(roundsOf({ exposures: [pair] }), [pair]);
});
