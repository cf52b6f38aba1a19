/**
 * Keeps the deck filled, its pictures decoded, and both alive over a reload.
 */

import { post, Refused } from "lib/api";
import { afterFrame } from "lib/after_frame";
import { loadRound } from "lib/images/pictures";
import { isOffline } from "lib/network";
import { deal, missing, putBack, restoreDeck, setAside, showable, withExposures, without, withoutAll } from "logic/deck";
import { roundsOf } from "logic/modes";
import { pauseAfter } from "logic/outbox";

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {import("logic/deck").Deck} Deck */
/** @typedef {import("lib/safe_storage").SafeStorage} SafeStorage */
/** @typedef {HTMLImageElement[]} Pictures */
/** @typedef {{exposure: Exposure, pictures: Pictures}} Dealt a pair that can be shown */
/**
 * @typedef {object} DealerOptions
 * @property {string} url where decks come from
 * @property {string} study
 * @property {SafeStorage} storage of this tab: the deck outlives a reload
 * @property {SafeStorage} lasting of all tabs: a closed tab leaves its deck to the next
 * @property {() => object} extras what else to say when asking for a deck
 * @property {Promise<any>} [early] a deck that was asked for before; null if it did not come
 * @property {readonly string[]} answered tokens whose answers are still on their way
 * @property {() => void} onChange
 * @property {() => void} onClosed the study takes no more votes
 */

const LOADED_AHEAD = 6;
/** The first pair has the line for itself, but not for longer than this. */
const ALONE_MS = 3000;
const MOST_TRIES = 3;
/** Pairs whose pictures stay at hand after they were answered, so that taking back needs no network. */
const KEPT_PAIRS = 4;
/**
 * As long as the server keeps these pairs for this visitor, a new tab may go on with the deck of a closed one. Without
 * network there are no others: then it goes on however old the deck is, and the server takes late answers.
 */
const LEFT_FOR_MS = 10 * 60_000;

export class Dealer {
  #options;
  #key;
  #deck;
  #asking = false;
  #early;
  /** Whether the first pair is still on its way, and no other is asked for. */
  #alone = !isOffline();
  /** Whether there is something to do once the frame is drawn. */
  #due = false;
  #failures = 0;
  /** @type {Map<string, Pictures>} */
  #loaded = new Map();
  /** @type {Set<string>} */
  #loading = new Set();
  /** @type {Map<string, number>} */
  #misses = new Map();

  /** @param {DealerOptions} options */
  constructor(options) {
    this.#options = options;
    this.#early = options.early;
    this.#key = `dopeornope.deck.${options.study}`;
    const left = leftBehind(options.lasting, this.#key);
    this.#deck = withoutAll(restoreDeck(options.storage.read(this.#key) ?? left), options.answered);
    window.addEventListener("pagehide", () => {
      options.storage.write(this.#key, this.#deck);
      options.lasting.write(this.#key, { at: Date.now(), deck: this.#deck });
    });
    window.addEventListener("online", () => this.#carryOn());
    setTimeout(() => this.#askForAll(), ALONE_MS);
    this.#carryOn();
  }

  /** The pair to be judged now and the one after it. @returns {Dealt[]} */
  get hand() {
    return showable(this.#deck, this.#isLoaded).map((exposure) => ({
      exposure,
      pictures: /** @type {Pictures} */ (this.#loaded.get(exposure.token)),
    }));
  }

  /** Whether this visitor has seen everything there is for now. */
  get isExhausted() {
    return this.#deck.exhausted && this.#deck.waiting.length === 0;
  }

  /** Whether the last question for more did not get through. */
  get isCutOff() {
    return this.#failures > 0;
  }

  /** The pair was answered; who says so shows the next one. @param {string} token */
  discard(token) {
    this.#keep(without(this.#deck, token));
    this.#deck.gone.slice(0, -KEPT_PAIRS).forEach((old) => this.#loaded.delete(old));
  }

  /** The answer was taken back. @param {Exposure} exposure @returns {Promise<void>} when the pair can be shown */
  async giveBack(exposure) {
    await this.#prepare(exposure);
    this.#become(putBack(this.#deck, exposure));
  }

  #isLoaded = (/** @type {string} */ token) => this.#loaded.has(token);

  /** @param {Deck} deck */
  #become(deck) {
    this.#keep(deck);
    this.#options.onChange();
  }

  /** @param {Deck} deck */
  #keep(deck) {
    this.#deck = deal(deck, this.#isLoaded);
    if (this.#due) return;
    this.#due = true;
    afterFrame(() => {
      this.#due = false;
      this.#options.storage.write(this.#key, this.#deck);
      this.#carryOn();
    });
  }

  #carryOn() {
    const ahead = this.#alone ? 1 : LOADED_AHEAD;
    for (const exposure of this.#nextFirst().slice(0, ahead)) void this.#prepare(exposure);
    void this.#fill();
  }

  #askForAll() {
    this.#alone = false;
    this.#carryOn();
  }

  /** What waits, beginning with the pair that an earlier page showed. */
  #nextFirst() {
    const { hand, waiting } = this.#deck;
    const isFirst = (/** @type {Exposure} */ { token }) => token === hand[0];
    return [...waiting.filter(isFirst), ...waiting.filter((exposure) => !isFirst(exposure))];
  }

  async #fill() {
    const n = missing(this.#deck);
    if (this.#asking || n === 0) return;
    this.#asking = true;
    try {
      const early = await this.#early;
      this.#early = undefined;
      const deck = early ?? (await post(this.#options.url, { n, ...this.#options.extras() }));
      this.#asking = false;
      this.#take(roundsOf(deck), deck.exhausted);
    } catch (problem) {
      this.#asking = false;
      if (problem instanceof Refused) this.#options.onClosed();
      else this.#fillLater((this.#failures += 1));
      this.#options.onChange();
    }
  }

  /** @param {Exposure[]} exposures @param {boolean} exhausted */
  #take(exposures, exhausted) {
    this.#failures = 0;
    const deck = withExposures(this.#deck, exposures, exhausted);
    // Only pairs that are known already: a moment later the server has others.
    if (!exhausted && deck.waiting.length === this.#deck.waiting.length) this.#fillLater(1);
    else this.#become(deck);
  }

  /** @param {number} failures */
  #fillLater(failures) {
    setTimeout(() => this.#fill(), pauseAfter(failures));
  }

  /** @param {Exposure} exposure */
  async #prepare(exposure) {
    const { token } = exposure;
    if (this.#loaded.has(token) || this.#loading.has(token)) return;
    this.#loading.add(token);
    const pictures = await loadRound(exposure).catch(() => null);
    this.#loading.delete(token);
    this.#alone = false;
    if (!pictures) {
      this.#miss(token);
      return;
    }
    this.#loaded.set(token, pictures);
    this.#become(this.#deck);
  }

  /** A picture did not come: try again later, and let the pair go if it never does. @param {string} token */
  #miss(token) {
    if (isOffline()) return;
    const misses = (this.#misses.get(token) ?? 0) + 1;
    this.#misses.set(token, misses);
    setTimeout(() => this.#carryOn(), pauseAfter(misses));
    const hopeless = misses >= MOST_TRIES && !this.isCutOff;
    this.#become(hopeless ? without(this.#deck, token) : setAside(this.#deck, token));
  }
}

/**
 * The deck of a tab that was closed a moment ago; whoever takes it has it alone.
 * @param {SafeStorage} lasting
 * @param {string} key
 */
function leftBehind(lasting, key) {
  const left = /** @type {{at: number, deck: unknown} | null} */ (lasting.read(key));
  lasting.remove(key);
  return left && (Date.now() - left.at < LEFT_FOR_MS || isOffline()) ? left.deck : null;
}
