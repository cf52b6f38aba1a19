/**
 * The outbox: answers on their way to the server. An answer stays until the server has said what became of it, and
 * may be sent any number of times, because the server records each exposure once. Pure: every function returns a new
 * outbox.
 */

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {"dope" | "nope" | "tie" | "skip" | "report"} Verdict */
/**
 * @typedef {object} Entry
 * @property {string} client_id ours, and new for every answer, so that an answer taken back is not brought back
 * @property {string} token
 * @property {Verdict} verdict
 * @property {number} response_ms
 * @property {number} at milliseconds since 1970: answers are sent in the order in which they were given
 * @property {number} attempts how often it may have reached the server
 * @property {string} study
 * @property {Exposure} exposure what was shown, to show it again when the answer is taken back
 * @property {string} [act] entries of one act (pictures judged together) share it; they are taken back together
 * @property {string} [sender] who carries it to the server just now
 * @property {number} [until] milliseconds since 1970 up to which nobody else may carry it
 */
/**
 * @typedef {object} Outbox
 * @property {readonly Entry[]} entries
 * @property {number} failures tries in a row that did not get through
 */
/** @typedef {{token: string, status: string, verdict?: string}} Receipt */
/** @typedef {{entry: Entry, status: string}} Settled */

const MOST_AT_ONCE = 50;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A little longer than the patience of a request. */
const LEASE_MS = 20_000;

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
 * @param {readonly Entry[]} entries
 * @returns {Outbox}
 */
export function withEntries(outbox, entries) {
  return { ...outbox, entries: [...outbox.entries, ...entries] };
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
 * Whether this sender may carry the entry: nobody else does, or whoever did has not come back.
 * @param {Entry} entry
 * @param {string} sender
 * @param {number} now
 * @param {ReadonlySet<string> | null} [atWork] all that carry something now, if that is known
 * @returns {boolean}
 */
export function isFree(entry, sender, now, atWork = null) {
  const isGone = atWork !== null && !atWork.has(entry.sender ?? "");
  return entry.sender === sender || isGone || (entry.until ?? 0) <= now;
}

/**
 * @param {Entry} entry
 * @param {string} sender
 * @param {number} now
 * @returns {Entry}
 */
export function leased(entry, sender, now) {
  return { ...entry, sender, until: now + LEASE_MS, attempts: entry.attempts + 1 };
}

/**
 * @param {Entry} entry
 * @returns {Entry}
 */
export function released(entry) {
  return { ...entry, sender: "", until: 0 };
}

/**
 * What the server wants to know of an entry.
 * @param {Entry} entry
 */
export function asBallot({ token, verdict, response_ms, client_id }) {
  return { token, verdict, response_ms, client_id };
}

/**
 * Which entry each receipt speaks about; an entry without one has not been settled.
 * @param {readonly Entry[]} sent
 * @param {readonly Receipt[]} receipts in the order of what was sent
 * @returns {Settled[]}
 */
export function receiptsOf(sent, receipts) {
  return sent.slice(0, receipts.length).map((entry, index) => ({ entry, status: receipts[index].status }));
}

/**
 * The server answered: each entry with a receipt has arrived, or will never be accepted. An entry of which one hears
 * twice is settled by the first word only.
 * @param {Outbox} outbox
 * @param {readonly Settled[]} heard
 * @returns {{outbox: Outbox, settled: Settled[]}}
 */
export function settle(outbox, heard) {
  const waiting = new Set(outbox.entries.map((entry) => entry.client_id));
  const settled = heard.filter(({ entry }) => waiting.has(entry.client_id));
  const done = new Set(settled.map(({ entry }) => entry.client_id));
  return { outbox: { entries: outbox.entries.filter((entry) => !done.has(entry.client_id)), failures: 0 }, settled };
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
 * @returns {{outbox: Outbox, entries: readonly Entry[]} | null}
 */
export function takeBack(outbox, study) {
  const last = outbox.entries.findLast((one) => one.study === study);
  if (!last) return null;
  const entries = outbox.entries.filter((one) => one === last || (last.act && one.act === last.act));
  if (entries.some((one) => one.attempts > 0)) return null;
  return { outbox: { ...outbox, entries: outbox.entries.filter((one) => !entries.includes(one)) }, entries };
}
