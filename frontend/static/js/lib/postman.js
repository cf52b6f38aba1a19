/**
 * Carries answers to the server: keeps each in the browser before anything else happens, sends them in batches, and
 * sends them again until the server has answered for each.
 */

import { post, Refused } from "lib/api";
import { attempted, failed, nextBatch, openOutbox, pauseAfter, settle, takeBack, withEntry } from "logic/outbox";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {{entry: Entry, status: string}} Settled */
/**
 * @typedef {object} PostmanOptions
 * @property {string} url where votes go
 * @property {import("lib/shelf").Shelf} shelf one key per answer, so that two tabs never overwrite each other
 * @property {() => void} onChange
 * @property {(settled: Settled[]) => void} onSettled
 */

const PREFIX = "dopeornope.outbox.";
/** A fresh answer rests this long, so that taking it back at once needs no server. */
const GRACE_MS = 1200;
const ENOUGH = 8;

export class Postman {
  #options;
  #outbox;
  #oneByOne = false;
  /** @type {Promise<void> | null} */
  #round = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {PostmanOptions} options */
  constructor(options) {
    this.#options = options;
    const kept = options.shelf.keys(PREFIX).map((key) => /** @type {Entry} */ (options.shelf.read(key)));
    this.#outbox = openOutbox(kept.filter(Boolean));
    document.addEventListener("visibilitychange", () => this.#hurry());
    window.addEventListener("online", () => void this.#deliver());
    void this.#deliver();
  }

  /** Answers that the server has not confirmed. @returns {readonly Entry[]} */
  get unsent() {
    return this.#outbox.entries;
  }

  /** Whether the last try did not get through. */
  get isCutOff() {
    return this.#outbox.failures > 0;
  }

  /** @param {Entry} entry */
  accept(entry) {
    this.#keep(entry);
    this.#outbox = withEntry(this.#outbox, entry);
    this.#plan();
  }

  /** The study's last answer, if it can be had back without the server. @param {string} study */
  takeBack(study) {
    const taken = takeBack(this.#outbox, study);
    if (!taken) return null;
    this.#outbox = taken.outbox;
    this.#forget(taken.entry);
    return taken.entry;
  }

  /** Send everything now. @returns {Promise<boolean>} whether all has arrived */
  async deliverAll() {
    await this.#round;
    do await this.#deliver();
    while (this.unsent.length > 0 && !this.isCutOff);
    return this.unsent.length === 0;
  }

  #plan() {
    clearTimeout(this.#timer);
    if (this.unsent.length === 0 || this.#round) return;
    const patience = this.unsent.length >= ENOUGH ? 0 : GRACE_MS;
    const pause = this.isCutOff ? pauseAfter(this.#outbox.failures) : patience;
    this.#timer = setTimeout(() => this.#deliver(), pause);
  }

  /** One round at a time. @returns {Promise<void>} */
  #deliver() {
    this.#round ??= this.#send(nextBatch(this.#outbox, this.#oneByOne ? 1 : undefined)).finally(() => {
      this.#round = null;
      this.#plan();
      this.#options.onChange();
    });
    return this.#round;
  }

  /** The page may be about to close: send now, beside whatever is on its way. */
  #hurry() {
    if (document.visibilityState === "hidden" && !this.isCutOff) void this.#send(nextBatch(this.#outbox));
  }

  /** @param {Entry[]} batch */
  async #send(batch) {
    if (batch.length === 0) return;
    if (!navigator.onLine) {
      this.#outbox = failed(this.#outbox);
      return;
    }
    this.#outbox = attempted(this.#outbox, batch);
    this.unsent.filter((entry) => entry.attempts > 0).forEach((entry) => this.#keep(entry));
    try {
      const { results } = await post(this.#options.url, { votes: batch.map(asBallot) });
      this.#conclude(batch, results);
      this.#oneByOne = false;
    } catch (problem) {
      this.#excuse(batch, problem);
    }
  }

  /** @param {Entry[]} batch @param {import("logic/outbox").Receipt[]} receipts */
  #conclude(batch, receipts) {
    const { outbox, settled } = settle(this.#outbox, batch, receipts);
    this.#outbox = outbox;
    settled.forEach(({ entry }) => this.#forget(entry));
    this.#options.onSettled(settled);
  }

  /** @param {Entry[]} batch @param {unknown} problem */
  #excuse(batch, problem) {
    if (!(problem instanceof Refused)) this.#outbox = failed(this.#outbox);
    else if (batch.length === 1) this.#conclude(batch, [{ token: batch[0].token, status: "invalid" }]);
    // One answer that the server cannot read must not hold up the others: find it.
    else this.#oneByOne = true;
  }

  /** @param {Entry} entry */
  #keep(entry) {
    this.#options.shelf.write(PREFIX + entry.client_id, entry);
  }

  /** @param {Entry} entry */
  #forget(entry) {
    this.#options.shelf.remove(PREFIX + entry.client_id);
  }
}

/** @param {Entry} entry */
function asBallot({ token, verdict, response_ms, client_id }) {
  return { token, verdict, response_ms, client_id };
}
