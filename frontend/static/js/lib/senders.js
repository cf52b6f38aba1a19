/**
 * Who carries answers just now: a tab or the service worker holds a lock as long as it is on its way. The lock goes with
 * whoever held it, also where a tab was left or crashed and could give nothing back.
 */

const PREFIX = "dopeornope.sender.";

/**
 * @template T
 * @param {string} sender
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export function asSender(sender, work) {
  return navigator.locks ? navigator.locks.request(PREFIX + sender, work) : work();
}

/** @returns {Promise<Set<string> | null>} null where the browser does not tell */
export async function sendersAtWork() {
  const locks = await navigator.locks?.query();
  return locks ? new Set((locks.held ?? []).map(({ name = "" }) => name.replace(PREFIX, ""))) : null;
}
