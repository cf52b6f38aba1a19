/**
 * One request to the server with answers of the store. Tabs and the service worker may send at the same time: each takes
 * a lease on the entries it sends, so that none is sent by two.
 */

import { post } from "lib/api";
import { asSender, sendersAtWork } from "lib/outbox/send_locks";
import { asBallot, isFree, leased, receiptsOf, released } from "logic/outbox";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("logic/outbox").Settled} Settled */

const CHANNEL = "dopeornope.outbox";

/**
 * Send these answers, except those that another sender holds a lease on.
 * @param {object} request
 * @param {import("lib/outbox/store").AnswerStore} request.store
 * @param {string} request.url
 * @param {string} request.sender who holds the lease
 * @param {readonly Entry[]} request.batch
 * @returns {Promise<Settled[]>} what has become of those that are no longer in the store; throws as `post` does
 */
export function sendBatch(request) {
  return asSender(request.sender, () => sendLeased(request));
}

/** @param {Parameters<typeof sendBatch>[0]} request */
async function sendLeased({ store, url, sender, batch }) {
  const atWork = await sendersAtWork();
  const now = Date.now();
  const ids = batch.map((entry) => entry.client_id);
  const isMine = (/** @type {Entry} */ entry) => isFree(entry, sender, now, atWork);
  const there = await store.update(ids, (entry) => (isMine(entry) ? leased(entry, sender, now) : entry));
  const mine = there.filter(isMine);
  const known = new Set(there.map((entry) => entry.client_id));
  // An entry leaves the store only after the server has confirmed it.
  const elsewhere = batch.filter((entry) => !known.has(entry.client_id)).map((entry) => ({ entry, status: "recorded" }));
  return [...elsewhere, ...(mine.length > 0 ? await send(store, url, mine) : [])];
}

/** @param {import("lib/outbox/store").AnswerStore} store @param {string} url @param {Entry[]} mine */
async function send(store, url, mine) {
  const ids = mine.map((entry) => entry.client_id);
  try {
    const { results } = await post(url, { votes: mine.map(asBallot) });
    const settled = receiptsOf(mine, results);
    await store.update(settled.map(({ entry }) => entry.client_id), () => null);
    return settled;
  } catch (problem) {
    await store.update(ids, released);
    throw problem;
  }
}

/**
 * Tell the other tabs what has arrived, and hear it from them and from the service worker.
 * @param {(settled: Settled[]) => void} [onHeard]
 * @returns {(settled: Settled[]) => void} tell
 */
export function mountReceiptChannel(onHeard) {
  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(CHANNEL) : null;
  if (channel && onHeard) channel.onmessage = ({ data }) => onHeard(data);
  return (settled) => {
    if (settled.length > 0) channel?.postMessage(settled);
  };
}
