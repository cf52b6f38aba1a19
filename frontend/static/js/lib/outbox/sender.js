/**
 * Sends answers to the server: keeps each in the browser before anything else happens, sends them in batches, and
 * repeats until the server has confirmed each.
 */

import { post, Refused } from "lib/api";
import { isOffline } from "lib/network";
import { askToDeliver } from "lib/outbox/background_sync";
import { mountReceiptChannel, sendBatch } from "lib/outbox/delivery";
import { openAnswerStore } from "lib/outbox/store";
import {
  asBallot, attempted, failed, nextBatch, openOutbox, pauseAfter, settle, takeBack, withEntries,
} from "logic/outbox";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("logic/outbox").Settled} Settled */
/**
 * @typedef {object} SenderOptions
 * @property {string} url where votes go
 * @property {string} sender the name of this page among those that send
 * @property {import("lib/safe_storage").SafeStorage} storage where answers are kept if the browser has no database
 * @property {() => void} onChange
 * @property {(settled: Settled[]) => void} onSettled
 * @property {() => void} onTrouble something waits that this try did not send
 */

/** A fresh answer rests this long, so that taking it back at once needs no server. */
const GRACE_MS = 1200;
const ENOUGH = 8;

/**
 * @param {SenderOptions} options
 * @returns {Promise<OutboxSender>} with what earlier pages left behind
 */
export async function openOutboxSender(options) {
  const store = await openAnswerStore(options.storage);
  return new OutboxSender(options, store, await store.all());
}

export class OutboxSender {
  #options;
  #store;
  #outbox;
  #tellOthers;
  #singly = false;
  /** Whether another tab or the service worker was sending all of the last batch. */
  #sentElsewhere = false;
  /** @type {Promise<void> | null} */
  #round = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {SenderOptions} options @param {import("lib/outbox/store").AnswerStore} store @param {Entry[]} kept */
  constructor(options, store, kept) {
    this.#options = options;
    this.#store = store;
    this.#outbox = openOutbox(kept);
    this.#tellOthers = mountReceiptChannel((settled) => this.#conclude(settled));
    document.addEventListener("visibilitychange", () => this.#sendBeforeClosing());
    window.addEventListener("online", () => void this.#deliver());
    // Whoever opened this listens first.
    setTimeout(() => this.#deliver());
  }

  /** Answers that the server has not confirmed. @returns {readonly Entry[]} */
  get unsent() {
    return this.#outbox.entries;
  }

  /** Whether the last try did not get through. */
  get isCutOff() {
    return this.#outbox.failures > 0;
  }

  /** @param {readonly Entry[]} entries @returns {Promise<void>} when they are kept */
  async accept(entries) {
    await this.#store.put(entries);
    this.#outbox = withEntries(this.#outbox, entries);
    this.#plan();
  }

  /**
   * The study's last answer, if it can be had back without the server.
   * @param {string} study
   * @returns {Promise<readonly Entry[]>} its entries, several where pictures were judged together; none if it cannot
   */
  async takeBack(study) {
    const taken = takeBack(this.#outbox, study);
    if (!taken) return [];
    const ids = taken.entries.map((entry) => entry.client_id);
    const there = await this.#store.update(ids, (entry) => (entry.attempts > 0 ? entry : null));
    // The service worker may have set out with it.
    if (there.length < ids.length || there.some((entry) => entry.attempts > 0)) return [];
    this.#outbox = taken.outbox;
    return taken.entries;
  }

  /** Send everything now. @returns {Promise<boolean>} whether all has arrived */
  async deliverAll() {
    await this.#round;
    do await this.#deliver();
    while (this.unsent.length > 0 && !this.isCutOff && !this.#sentElsewhere);
    return this.unsent.length === 0;
  }

  #plan() {
    clearTimeout(this.#timer);
    if (this.unsent.length === 0 || this.#round) return;
    const hurried = this.#singly || (this.unsent.length >= ENOUGH && !this.#sentElsewhere);
    const patience = hurried ? 0 : GRACE_MS;
    const pause = this.isCutOff ? pauseAfter(this.#outbox.failures) : patience;
    this.#timer = setTimeout(() => this.#deliver(), pause);
  }

  /** One round at a time. @returns {Promise<void>} */
  #deliver() {
    this.#round ??= this.#send(nextBatch(this.#outbox, this.#singly ? 1 : undefined)).finally(() => {
      this.#round = null;
      this.#plan();
      this.#options.onChange();
    });
    return this.#round;
  }

  /**
   * The page may be about to close: send now, beside whatever is on its way, and wait for nothing. What stays in the
   * store all the same is sent again, which does no harm.
   */
  #sendBeforeClosing() {
    if (document.visibilityState !== "hidden" || this.unsent.length === 0) return;
    this.#options.onTrouble();
    if (this.isCutOff || isOffline() || askToDeliver(this.unsent)) return;
    const batch = nextBatch(this.#outbox);
    this.#outbox = attempted(this.#outbox, batch);
    const ids = batch.map((entry) => entry.client_id);
    void this.#store.update(ids, (entry) => ({ ...entry, attempts: entry.attempts + 1 }));
    void post(this.#options.url, { votes: batch.map(asBallot) }).catch(() => undefined);
  }

  /** @param {Entry[]} batch */
  async #send(batch) {
    if (batch.length === 0) return;
    if (isOffline()) {
      this.#fail();
      return;
    }
    this.#outbox = attempted(this.#outbox, batch);
    const { url, sender } = this.#options;
    try {
      const settled = await sendBatch({ store: this.#store, url, sender, batch });
      this.#conclude(settled);
      this.#tellOthers(settled);
      this.#singly = false;
      this.#sentElsewhere = settled.length === 0;
    } catch (problem) {
      await this.#onSendFailed(batch, problem);
    }
  }

  /** @param {Settled[]} heard */
  #conclude(heard) {
    const { outbox, settled } = settle(this.#outbox, heard);
    this.#outbox = outbox;
    if (settled.length === 0) return;
    this.#options.onSettled(settled);
    this.#options.onChange();
  }

  /** @param {Entry[]} batch @param {unknown} problem */
  async #onSendFailed(batch, problem) {
    if (!(problem instanceof Refused)) this.#fail();
    else if (batch.length > 1) this.#singly = true;
    // One answer that the server cannot read must not hold up the others.
    else {
      await this.#store.update([batch[0].client_id], () => null);
      this.#conclude([{ entry: batch[0], status: "invalid" }]);
    }
  }

  #fail() {
    this.#outbox = failed(this.#outbox);
    this.#options.onTrouble();
  }
}
