/**
 * Carries answers to the server: keeps each in the browser before anything else happens, sends them in batches, and
 * sends them again until the server has answered for each.
 */

import { post, Refused } from "lib/api";
import { attempted, failed, nextBatch, openOutbox, pauseAfter, settle, takeBack, withEntry } from "logic/outbox";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {{entry: Entry, status: string}} Settled */

const PREFIX = "dopeornope.outbox.";
/** A fresh answer rests this long, so that taking it back at once needs no server. */
const GRACE_MS = 1200;
const ENOUGH = 8;

/**
 * @param {object} options
 * @param {string} options.url where votes go
 * @param {import("lib/shelf").Shelf} options.shelf one key per answer, so that two tabs never overwrite each other
 * @param {() => void} options.onChange
 * @param {(settled: Settled[]) => void} options.onSettled
 */
export function hirePostman({ url, shelf, onChange, onSettled }) {
  let outbox = openOutbox(shelf.keys(PREFIX).map((key) => /** @type {Entry} */ (shelf.read(key))).filter(Boolean));
  let oneByOne = false;
  /** @type {Promise<void> | null} */
  let round = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const keep = (/** @type {Entry} */ entry) => shelf.write(PREFIX + entry.client_id, entry);

  function plan() {
    clearTimeout(timer);
    if (outbox.entries.length === 0 || round) return;
    const patience = outbox.entries.length >= ENOUGH ? 0 : GRACE_MS;
    timer = setTimeout(deliver, outbox.failures > 0 ? pauseAfter(outbox.failures) : patience);
  }

  /** @returns {Promise<void>} */
  function deliver() {
    round ??= send(nextBatch(outbox, oneByOne ? 1 : undefined)).finally(() => {
      round = null;
      plan();
      onChange();
    });
    return round;
  }

  /** @param {Entry[]} batch */
  async function send(batch) {
    if (batch.length === 0) return;
    if (!navigator.onLine) {
      outbox = failed(outbox);
      return;
    }
    outbox = attempted(outbox, batch);
    outbox.entries.filter((entry) => entry.attempts > 0).forEach(keep);
    try {
      const { results } = await post(url, { votes: batch.map(asBallot) });
      conclude(batch, results);
      oneByOne = false;
    } catch (problem) {
      excuse(batch, problem);
    }
  }

  /** @param {Entry[]} batch @param {import("logic/outbox").Receipt[]} receipts */
  function conclude(batch, receipts) {
    const { outbox: rest, settled } = settle(outbox, batch, receipts);
    outbox = rest;
    settled.forEach(({ entry }) => shelf.remove(PREFIX + entry.client_id));
    onSettled(settled);
  }

  /** @param {Entry[]} batch @param {unknown} problem */
  function excuse(batch, problem) {
    if (!(problem instanceof Refused)) outbox = failed(outbox);
    else if (batch.length === 1) conclude(batch, [{ token: batch[0].token, status: "invalid" }]);
    // One answer that the server cannot read must not hold up the others: find it.
    else oneByOne = true;
  }

  /** The page may be about to close: send now, beside whatever is on its way. */
  function hurry() {
    if (document.visibilityState === "hidden" && outbox.failures === 0) void send(nextBatch(outbox));
  }

  document.addEventListener("visibilitychange", hurry);
  window.addEventListener("online", () => void deliver());
  void deliver();

  return {
    /** Answers that the server has not confirmed. @returns {readonly Entry[]} */
    unsent: () => outbox.entries,
    /** Whether the last try did not get through. */
    isCutOff: () => outbox.failures > 0,
    /** @param {Entry} entry */
    accept(entry) {
      keep(entry);
      outbox = withEntry(outbox, entry);
      plan();
    },
    /** The study's last answer, if it can be had back without the server. @param {string} study */
    takeBack(study) {
      const taken = takeBack(outbox, study);
      if (!taken) return null;
      outbox = taken.outbox;
      shelf.remove(PREFIX + taken.entry.client_id);
      return taken.entry;
    },
    /** Send everything now. @returns {Promise<boolean>} whether all has arrived */
    async deliverAll() {
      await round;
      do await deliver();
      while (outbox.entries.length > 0 && outbox.failures === 0);
      return outbox.entries.length === 0;
    },
  };
}

/** @param {Entry} entry */
function asBallot({ token, verdict, response_ms, client_id }) {
  return { token, verdict, response_ms, client_id };
}
