/**
 * The outbox: answers on their way to the server. An answer stays until the server has said what became of it, and
 * may be sent any number of times, because the server records each exposure once. Pure: every function returns a new
 * outbox.
 */

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {"dope" | "nope" | "skip" | "report"} Verdict */
/**
 * @typedef {object} Entry
 * @property {string} client_id ours, and new for every answer, so that an answer taken back is not brought back
 * @property {string} token
 * @property {Verdict} verdict
 * @property {number} response_ms
 * @property {number} at milliseconds since 1970: answers are sent in the order in which they were given
 * @property {number} attempts how often it may have reached the server
 * @property {string} study
 * @property {Exposure} exposure the pair itself, to show it again when the answer is taken back
 */
/**
 * @typedef {object} Outbox
 * @property {readonly Entry[]} entries
 * @property {number} failures tries in a row that did not get through
 */
/** @typedef {{token: string, status: string, verdict?: string}} Receipt */

const MOST_AT_ONCE = 50;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * @param {readonly Entry[]} [entries] kept by an earlier page, which may have sent them
 * @returns {Outbox}
 */
export function openOutbox(entries = []) {
  const inOrder = [...entries].sort((one, other) => one.at - other.at);
  return { entries: inOrder.map((entry) => ({ ...entry, attempts: Math.max(1, entry.attempts) })), failures: 0 };
}

/**
 * @param {Outbox} outbox
 * @param {Entry} entry
 * @returns {Outbox}
 */
export function withEntry(outbox, entry) {
  return { ...outbox, entries: [...outbox.entries, entry] };
}

/**
 * What to send next. While nothing gets through only answers that were tried before are tried again, so that those
 * given since can still be taken back without asking the server.
 * @param {Outbox} outbox
 * @param {number} [limit]
 * @returns {Entry[]}
 */
export function nextBatch(outbox, limit = MOST_AT_ONCE) {
  const tried = outbox.entries.filter((entry) => entry.attempts > 0);
  return (outbox.failures > 0 && tried.length > 0 ? tried : outbox.entries).slice(0, limit);
}

/**
 * These entries are being sent: from now on the server may know them.
 * @param {Outbox} outbox
 * @param {readonly Entry[]} batch
 * @returns {Outbox}
 */
export function attempted(outbox, batch) {
  const sent = new Set(batch.map((entry) => entry.client_id));
  const entries = outbox.entries.map((one) => (sent.has(one.client_id) ? { ...one, attempts: one.attempts + 1 } : one));
  return { ...outbox, entries };
}

/**
 * The server answered: each entry with a receipt has arrived, or will never be accepted. An entry that was sent twice
 * at the same time is settled by the first answer only.
 * @param {Outbox} outbox
 * @param {readonly Entry[]} batch what was sent
 * @param {readonly Receipt[]} receipts in the order of the batch
 * @returns {{outbox: Outbox, settled: {entry: Entry, status: string}[]}}
 */
export function settle(outbox, batch, receipts) {
  const waiting = new Set(outbox.entries.map((entry) => entry.client_id));
  const settled = batch
    .slice(0, receipts.length)
    .map((entry, index) => ({ entry, status: receipts[index].status }))
    .filter(({ entry }) => waiting.has(entry.client_id));
  const done = new Set(settled.map(({ entry }) => entry.client_id));
  return {
    outbox: { entries: outbox.entries.filter((entry) => !done.has(entry.client_id)), failures: 0 },
    settled,
  };
}

/**
 * The try did not get through.
 * @param {Outbox} outbox
 * @returns {Outbox}
 */
export function failed(outbox) {
  return { ...outbox, failures: outbox.failures + 1 };
}

/**
 * How long to wait before the next try: twice as long each time, up to half a minute, and never in step with others.
 * @param {number} failures at least 1
 * @param {number} [chance] 0 … 1
 * @returns {number} milliseconds
 */
export function pauseAfter(failures, chance = Math.random()) {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.5 + chance / 2);
}

/**
 * Take back the study's last answer if the server cannot know it yet; null if it may, or if there is none.
 * @param {Outbox} outbox
 * @param {string} study
 * @returns {{outbox: Outbox, entry: Entry} | null}
 */
export function takeBack(outbox, study) {
  const entry = outbox.entries.findLast((one) => one.study === study);
  if (!entry || entry.attempts > 0) return null;
  return { outbox: { ...outbox, entries: outbox.entries.filter((one) => one !== entry) }, entry };
}
