/**
 * Keeps the deck filled, its pictures decoded, and both alive over a reload.
 */

import { post, Refused } from "lib/api";
import { loadPair } from "lib/pictures";
import { deal, missing, putBack, restoreDeck, setAside, showable, withExposures, without, withoutAll } from "logic/deck";
import { pauseAfter } from "logic/outbox";

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {{exposure: Exposure, pictures: [HTMLImageElement, HTMLImageElement]}} Dealt a pair that can be shown */

const LOADED_AHEAD = 6;
const MOST_TRIES = 3;
/** Pairs whose pictures stay at hand after they were answered, so that taking back needs no network. */
const KEPT_PAIRS = 4;

/** As long as the server keeps these pairs for this visitor, a new tab may go on with the deck of a closed one. */
const LEFT_FOR_MS = 10 * 60_000;

/**
 * @param {object} options
 * @param {string} options.url where decks come from
 * @param {string} options.study
 * @param {import("lib/shelf").Shelf} options.shelf of this tab: the deck outlives a reload
 * @param {import("lib/shelf").Shelf} options.lasting of all tabs: a closed tab leaves its deck to the next
 * @param {readonly string[]} options.answered tokens whose answers are still on their way
 * @param {() => void} options.onChange
 * @param {() => void} options.onClosed the study takes no more votes
 */
export function hireDealer({ url, study, shelf, lasting, answered, onChange, onClosed }) {
  const key = `dopeornope.deck.${study}`;
  const left = leftBehind(lasting, key);
  let deck = withoutAll(restoreDeck(shelf.read(key) ?? left), answered);
  let asking = false;
  let failures = 0;
  /** @type {Map<string, [HTMLImageElement, HTMLImageElement]>} */
  const loaded = new Map();
  /** @type {Map<string, number>} */
  const tries = new Map();
  /** @type {Set<string>} */
  const loading = new Set();

  const isLoaded = (/** @type {string} */ token) => loaded.has(token);

  /** @param {import("logic/deck").Deck} next */
  function become(next) {
    deck = deal(next, isLoaded);
    shelf.write(key, deck);
    loadAhead();
    void fill();
    onChange();
  }

  async function fill() {
    const n = missing(deck);
    if (asking || n === 0) return;
    asking = true;
    try {
      const { exposures, exhausted } = await post(url, { n });
      asking = false;
      failures = 0;
      const before = deck.waiting.length;
      deck = withExposures(deck, exposures, exhausted);
      // Only pairs that are known already: a moment later the server has others.
      if (!exhausted && deck.waiting.length === before) retryLater();
      else become(deck);
    } catch (problem) {
      asking = false;
      if (problem instanceof Refused && problem.status !== 400) onClosed();
      else retryLater();
      onChange();
    }
  }

  function retryLater() {
    failures += 1;
    setTimeout(fill, pauseAfter(failures));
  }

  function loadAhead() {
    for (const exposure of deck.waiting.slice(0, LOADED_AHEAD)) void prepare(exposure);
  }

  /** @param {Exposure} exposure */
  async function prepare(exposure) {
    const { token } = exposure;
    if (loaded.has(token) || loading.has(token)) return;
    loading.add(token);
    const pictures = await loadPair(exposure).catch(() => null);
    loading.delete(token);
    if (!pictures) return missed(token);
    loaded.set(token, pictures);
    become(deck);
  }

  /** A picture did not come: try again later, and let the pair go if it never does. @param {string} token */
  function missed(token) {
    if (!navigator.onLine) return;
    const times = (tries.get(token) ?? 0) + 1;
    tries.set(token, times);
    setTimeout(loadAhead, pauseAfter(times));
    become(times >= MOST_TRIES && failures === 0 ? without(deck, token) : setAside(deck, token));
  }

  window.addEventListener("pagehide", () => lasting.write(key, { at: Date.now(), deck }));
  window.addEventListener("online", () => {
    loadAhead();
    void fill();
  });
  loadAhead();
  void fill();

  return {
    /** The pair to be judged now and the one after it. @returns {Dealt[]} */
    hand: () =>
      showable(deck, isLoaded).map((exposure) => ({
        exposure,
        pictures: /** @type {Dealt["pictures"]} */ (loaded.get(exposure.token)),
      })),
    /** Whether this visitor has seen everything there is for now. */
    isExhausted: () => deck.exhausted && deck.waiting.length === 0,
    /** Whether the last question for more did not get through. */
    isCutOff: () => failures > 0,
    /** @param {string} token */
    discard(token) {
      become(without(deck, token));
      deck.gone.slice(0, -KEPT_PAIRS).forEach((old) => loaded.delete(old));
    },
    /** @param {Exposure} exposure @returns {Promise<void>} when it can be shown */
    async giveBack(exposure) {
      await prepare(exposure);
      become(putBack(deck, exposure));
    },
  };
}

/**
 * The deck of a tab that was closed a moment ago; whoever takes it has it alone.
 * @param {import("lib/shelf").Shelf} lasting
 * @param {string} key
 */
function leftBehind(lasting, key) {
  const left = /** @type {{at: number, deck: unknown} | null} */ (lasting.read(key));
  lasting.remove(key);
  return left && Date.now() - left.at < LEFT_FOR_MS ? left.deck : null;
}
