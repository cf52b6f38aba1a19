/**
 * The deck: pairs that wait to be judged, and what has become of the others. Pure: every function returns a new deck.
 */

/** @typedef {{image: string, width: number, height: number, alt: string}} Picture */
/** @typedef {{token: string, query: Picture, candidate: Picture}} Exposure */
/**
 * @typedef {object} Deck
 * @property {readonly Exposure[]} waiting in the order in which they will be shown
 * @property {readonly string[]} gone tokens that must not be shown (again), newest last
 * @property {boolean} exhausted the server had nothing more when it was last asked
 */

const FEWEST_AHEAD = 8;
const ASK_FOR = 10;
const MOST_GONE = 500;

/** @returns {Deck} */
export function emptyDeck() {
  return { waiting: [], gone: [], exhausted: false };
}

/**
 * New exposures at the end; those that wait already or are gone are left out. The server may offer an answered pair
 * once more while its answer still lies in the outbox.
 * @param {Deck} deck
 * @param {readonly Exposure[]} exposures
 * @param {boolean} exhausted
 * @returns {Deck}
 */
export function withExposures(deck, exposures, exhausted) {
  const known = new Set([...deck.gone, ...deck.waiting.map((exposure) => exposure.token)]);
  const fresh = exposures.filter(({ token }) => !known.has(token) && known.add(token));
  return { ...deck, waiting: [...deck.waiting, ...fresh], exhausted };
}

/**
 * The pair was answered, or cannot be shown.
 * @param {Deck} deck
 * @param {string} token
 * @returns {Deck}
 */
export function without(deck, token) {
  const gone = [...deck.gone.filter((other) => other !== token), token].slice(-MOST_GONE);
  return { ...deck, waiting: deck.waiting.filter((exposure) => exposure.token !== token), gone };
}

/**
 * Tokens that were answered elsewhere, for example before a reload.
 * @param {Deck} deck
 * @param {readonly string[]} tokens
 * @returns {Deck}
 */
export function withoutAll(deck, tokens) {
  return tokens.reduce(without, deck);
}

/**
 * The answer was taken back: the pair is next.
 * @param {Deck} deck
 * @param {Exposure} exposure
 * @returns {Deck}
 */
export function putBack(deck, exposure) {
  return {
    ...deck,
    waiting: [exposure, ...deck.waiting.filter(({ token }) => token !== exposure.token)],
    gone: deck.gone.filter((token) => token !== exposure.token),
  };
}

/**
 * How many exposures to ask the server for now; 0 while enough wait or nothing is left.
 * @param {Deck} deck
 * @returns {number}
 */
export function missing(deck) {
  return deck.exhausted || deck.waiting.length >= FEWEST_AHEAD ? 0 : ASK_FOR;
}

/**
 * The first pairs whose pictures are loaded: what may be shown now, and what comes after it.
 * @param {Deck} deck
 * @param {(token: string) => boolean} isLoaded
 * @param {number} [count]
 * @returns {Exposure[]}
 */
export function showable(deck, isLoaded, count = 2) {
  return deck.waiting.filter(({ token }) => isLoaded(token)).slice(0, count);
}

/**
 * A deck kept by an earlier page. Whether the server had more is asked anew.
 * @param {unknown} kept
 * @returns {Deck}
 */
export function restoreDeck(kept) {
  const { waiting, gone } = /** @type {Partial<Deck>} */ (kept ?? {});
  if (!Array.isArray(waiting) || !Array.isArray(gone)) return emptyDeck();
  const whole = waiting.filter((one) => one?.token && one.query?.image && one.candidate?.image);
  return { waiting: whole, gone: gone.filter((token) => typeof token === "string"), exhausted: false };
}
