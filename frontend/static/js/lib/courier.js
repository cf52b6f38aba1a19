/**
 * One trip to the server with answers of the mailbox. Tabs and the service worker may set out at the same time: each
 * takes a lease on what it carries, so that none is carried by two.
 */

import { post } from "lib/api";
import { asSender, sendersAtWork } from "lib/senders";
import { asBallot, isFree, leased, receiptsOf, released } from "logic/outbox";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("logic/outbox").Settled} Settled */

const CHANNEL = "dopeornope.outbox";

/**
 * Send these answers, those left out that somebody else carries just now.
 * @param {object} trip
 * @param {import("lib/mailbox").Mailbox} trip.mailbox
 * @param {string} trip.url
 * @param {string} trip.sender who holds the lease
 * @param {readonly Entry[]} trip.batch
 * @returns {Promise<Settled[]>} what has become of those that are no longer in the mailbox; throws as `post` does
 */
export function carry(trip) {
  return asSender(trip.sender, () => travel(trip));
}

/** @param {Parameters<typeof carry>[0]} trip */
async function travel({ mailbox, url, sender, batch }) {
  const atWork = await sendersAtWork();
  const now = Date.now();
  const ids = batch.map((entry) => entry.client_id);
  const isMine = (/** @type {Entry} */ entry) => isFree(entry, sender, now, atWork);
  const there = await mailbox.update(ids, (entry) => (isMine(entry) ? leased(entry, sender, now) : entry));
  const mine = there.filter(isMine);
  const known = new Set(there.map((entry) => entry.client_id));
  // Whoever took them out had the server's word for them.
  const elsewhere = batch.filter((entry) => !known.has(entry.client_id)).map((entry) => ({ entry, status: "recorded" }));
  return [...elsewhere, ...(mine.length > 0 ? await send(mailbox, url, mine) : [])];
}

/** @param {import("lib/mailbox").Mailbox} mailbox @param {string} url @param {Entry[]} mine */
async function send(mailbox, url, mine) {
  const ids = mine.map((entry) => entry.client_id);
  try {
    const { results } = await post(url, { votes: mine.map(asBallot) });
    const settled = receiptsOf(mine, results);
    await mailbox.update(settled.map(({ entry }) => entry.client_id), () => null);
    return settled;
  } catch (problem) {
    await mailbox.update(ids, released);
    throw problem;
  }
}

/**
 * Tell the other tabs what has arrived, and hear it from them and from the service worker.
 * @param {(settled: Settled[]) => void} [onHeard]
 * @returns {(settled: Settled[]) => void} tell
 */
export function mountGrapevine(onHeard) {
  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(CHANNEL) : null;
  if (channel && onHeard) channel.onmessage = ({ data }) => onHeard(data);
  return (settled) => {
    if (settled.length > 0) channel?.postMessage(settled);
  };
}
