/**
 * The deck: pairs that wait to be judged, and what has become of the others. Pure: every function returns a new deck.
 */

/** @typedef {{image: string, width: number, height: number, alt: string}} Picture */
/**
 * @typedef {object} Exposure what is shown at once: a pair, or a query with several candidates
 * @property {string} token of the pair, or the name of the group
 * @property {Picture} query
 * @property {Picture} [candidate]
 * @property {(Picture & {token: string})[]} [candidates]
 * @property {"left" | "right"} [side] where the query stands; left if nothing is said
 */
/**
 * @typedef {object} Deck
 * @property {readonly Exposure[]} waiting in the order in which they came
 * @property {readonly string[]} hand tokens of the pair that is shown and of the one after it: once dealt they stay,
 *   whatever else is loaded meanwhile
 * @property {readonly string[]} gone tokens that must not be shown (again), newest last
 * @property {boolean} exhausted the server had nothing more when it was last asked
 */

const FEWEST_AHEAD = 8;
const ASK_FOR = 10;
const MOST_GONE = 500;
const HAND = 2;

/** @returns {Deck} */
export function emptyDeck() {
  return { waiting: [], hand: [], gone: [], exhausted: false };
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
  return {
    ...deck,
    waiting: deck.waiting.filter((exposure) => exposure.token !== token),
    hand: deck.hand.filter((other) => other !== token),
    gone,
  };
}

/**
 * The pair cannot be shown now: it goes to the end.
 * @param {Deck} deck
 * @param {string} token
 * @returns {Deck}
 */
export function setAside(deck, token) {
  const isIt = (/** @type {Exposure} */ exposure) => exposure.token === token;
  return {
    ...deck,
    waiting: [...deck.waiting.filter((exposure) => !isIt(exposure)), ...deck.waiting.filter(isIt)],
    hand: deck.hand.filter((other) => other !== token),
  };
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
    hand: [exposure.token, ...deck.hand.filter((token) => token !== exposure.token)].slice(0, HAND),
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
 * Fill the hand with pairs whose pictures are loaded.
 * @param {Deck} deck
 * @param {(token: string) => boolean} isLoaded
 * @returns {Deck}
 */
export function deal(deck, isLoaded) {
  const tokens = deck.waiting.map(({ token }) => token);
  const others = tokens.filter((token) => isLoaded(token) && !deck.hand.includes(token));
  return { ...deck, hand: [...deck.hand, ...others].slice(0, HAND) };
}

/**
 * The pairs in the hand that can be shown: none as long as the first is not loaded.
 * @param {Deck} deck
 * @param {(token: string) => boolean} isLoaded
 * @returns {Exposure[]}
 */
export function showable(deck, isLoaded) {
  const blocked = deck.hand.findIndex((token) => !isLoaded(token));
  return deck.hand
    .slice(0, blocked < 0 ? HAND : blocked)
    .flatMap((token) => deck.waiting.filter((exposure) => exposure.token === token));
}

/**
 * A deck kept by an earlier page: the pair it showed is the first again. Whether the server had more is asked anew.
 * @param {unknown} kept
 * @returns {Deck}
 */
export function restoreDeck(kept) {
  const { waiting, hand, gone } = /** @type {Partial<Deck>} */ (kept ?? {});
  if (!Array.isArray(waiting) || !Array.isArray(hand) || !Array.isArray(gone)) return emptyDeck();
  const whole = waiting.filter((one) => one?.token && one.query?.image && (one.candidate?.image || one.candidates?.length));
  const known = new Set(whole.map(({ token }) => token));
  return {
    waiting: whole,
    hand: hand.filter((token) => known.has(token)),
    gone: gone.filter((token) => typeof token === "string"),
    exhausted: false,
  };
}
