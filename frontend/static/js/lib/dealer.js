/**
 * Keeps the deck filled, its pictures decoded, and both alive over a reload.
 */

import { post, Refused } from "lib/api";
import { loadPair } from "lib/pictures";
import { missing, putBack, restoreDeck, showable, withExposures, without, withoutAll } from "logic/deck";
import { pauseAfter } from "logic/outbox";

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {{exposure: Exposure, pictures: [HTMLImageElement, HTMLImageElement]}} Dealt a pair that can be shown */

const LOADED_AHEAD = 6;
const MOST_TRIES = 3;

/**
 * @param {object} options
 * @param {string} options.url where decks come from
 * @param {string} options.study
 * @param {import("lib/shelf").Shelf} options.shelf
 * @param {readonly string[]} options.answered tokens whose answers are still on their way
 * @param {() => void} options.onChange
 * @param {() => void} options.onClosed the study takes no more votes
 */
export function hireDealer({ url, study, shelf, answered, onChange, onClosed }) {
  const key = `dopeornope.deck.${study}`;
  let deck = withoutAll(restoreDeck(shelf.read(key)), answered);
  let asking = false;
  let failures = 0;
  /** @type {Map<string, [HTMLImageElement, HTMLImageElement]>} */
  const loaded = new Map();
  /** @type {Map<string, number>} */
  const tries = new Map();
  /** @type {Set<string>} */
  const loading = new Set();

  /** @param {import("logic/deck").Deck} next */
  function become(next) {
    deck = next;
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
    try {
      loaded.set(token, await loadPair(exposure));
      onChange();
    } catch {
      missed(token);
    } finally {
      loading.delete(token);
    }
  }

  /** A picture did not come: try again later, and let the pair go if it never does. @param {string} token */
  function missed(token) {
    if (!navigator.onLine) return;
    const times = (tries.get(token) ?? 0) + 1;
    tries.set(token, times);
    if (times >= MOST_TRIES && failures === 0) become(without(deck, token));
    else setTimeout(loadAhead, pauseAfter(times));
  }

  window.addEventListener("online", () => {
    loadAhead();
    void fill();
  });
  loadAhead();
  void fill();

  return {
    /** The pair to be judged now and the one after it. @returns {Dealt[]} */
    hand: () =>
      showable(deck, (token) => loaded.has(token)).map((exposure) => ({
        exposure,
        pictures: /** @type {Dealt["pictures"]} */ (loaded.get(exposure.token)),
      })),
    /** Whether this visitor has seen everything there is for now. */
    isExhausted: () => deck.exhausted && deck.waiting.length === 0,
    /** Whether the last question for more did not get through. */
    isCutOff: () => failures > 0,
    /** @param {string} token */
    discard(token) {
      loaded.delete(token);
      become(without(deck, token));
    },
    /** @param {Exposure} exposure @returns {Promise<void>} when it can be shown */
    async giveBack(exposure) {
      await prepare(exposure);
      become(putBack(deck, exposure));
    },
  };
}
