import assert from "node:assert/strict";
import { test } from "node:test";
import { deal, emptyDeck, missing, putBack, restoreDeck, setAside, showable, withExposures, without, withoutAll } from "../../frontend/static/js/logic/deck.js";

const picture = { image: "/p.webp", width: 3, height: 4, alt: "First picture" };
const exposure = (token) => ({ token, query: picture, candidate: picture });
const deckOf = (...tokens) => withExposures(emptyDeck(), tokens.map(exposure), false);
const tokens = (exposures) => exposures.map(({ token }) => token);
const all = () => true;

test("new exposures wait at the end", () => {
  const deck = withExposures(deckOf("a", "b"), [exposure("c")], false);
  assert.deepEqual(tokens(deck.waiting), ["a", "b", "c"]);
});

test("an exposure that waits already or was answered is not taken twice", () => {
  const deck = withExposures(without(deckOf("a", "b"), "a"), ["a", "b", "c", "c"].map(exposure), false);
  assert.deepEqual(tokens(deck.waiting), ["b", "c"]);
});

test("more is asked for while fewer than eight wait and the server has more", () => {
  assert.equal(missing(deckOf("a")), 10);
  assert.equal(missing(deckOf(..."abcdefgh")), 0);
  assert.equal(missing(withExposures(deckOf("a"), [], true)), 0);
});

test("only loaded pairs are dealt, two at a time", () => {
  const loaded = new Set(["b", "c", "d"]);
  const deck = deal(deckOf("a", "b", "c", "d"), (token) => loaded.has(token));
  assert.deepEqual(tokens(showable(deck, all)), ["b", "c"]);
});

test("a pair once dealt stays, whatever is loaded later", () => {
  const early = deal(deckOf("a", "b", "c"), (token) => token === "c");
  const late = deal(early, all);
  assert.deepEqual(late.hand, ["c", "a"]);
});

test("nothing is shown past a dealt pair whose pictures are not loaded", () => {
  const deck = deal(deckOf("a", "b"), all);
  assert.deepEqual(showable(deck, (token) => token === "b"), []);
  assert.deepEqual(tokens(showable(deck, (token) => token === "a")), ["a"]);
});

test("after an answer the next pair moves up", () => {
  const deck = deal(without(deal(deckOf("a", "b", "c"), all), "a"), all);
  assert.deepEqual(deck.hand, ["b", "c"]);
  assert.deepEqual(deck.gone, ["a"]);
});

test("a pair taken back is first again and may be answered again", () => {
  const deck = putBack(deal(without(deal(deckOf("a", "b", "c"), all), "a"), all), exposure("a"));
  assert.deepEqual(tokens(showable(deck, all)), ["a", "b"]);
  assert.deepEqual(deck.gone, []);
});

test("a pair that cannot be shown now goes to the end", () => {
  const deck = deal(setAside(deal(deckOf("a", "b", "c"), all), "a"), all);
  assert.deepEqual(tokens(deck.waiting), ["b", "c", "a"]);
  assert.deepEqual(deck.hand, ["b", "c"]);
});

test("a kept deck comes back as it was shown, without what was answered since", () => {
  const kept = JSON.parse(JSON.stringify(deal(deckOf("a", "b", "c"), (token) => token !== "a")));
  const deck = withoutAll(restoreDeck(kept), ["b"]);
  assert.deepEqual(deck.hand, ["c"]);
  assert.deepEqual(tokens(deck.waiting), ["a", "c"]);
  assert.equal(deck.exhausted, false);
});

test("garbled storage gives an empty deck", () => {
  for (const garbage of [null, 7, "x", {}, { waiting: 3 }, { waiting: [], hand: null, gone: [] }]) {
    assert.deepEqual(restoreDeck(garbage), emptyDeck());
  }
  assert.deepEqual(restoreDeck({ waiting: [null, { token: "a" }], hand: ["a"], gone: [1] }), emptyDeck());
});

test("the memory of answered pairs is bounded and keeps the newest", () => {
  const deck = withoutAll(emptyDeck(), Array.from({ length: 600 }, (_, number) => String(number)));
  assert.equal(deck.gone.length, 500);
  assert.equal(deck.gone.at(-1), "599");
});

test("no function changes the deck it is given", () => {
  const freeze = (deck) => Object.freeze({ ...deck, waiting: Object.freeze(deck.waiting), hand: Object.freeze(deck.hand), gone: Object.freeze(deck.gone) });
  const deck = freeze(deal(deckOf("a", "b", "c"), all));
  assert.doesNotThrow(() => {
    withExposures(deck, [exposure("d")], false);
    without(deck, "a");
    setAside(deck, "a");
    putBack(deck, exposure("z"));
    deal(deck, all);
  });
});
