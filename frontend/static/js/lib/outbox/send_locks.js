/**
 * Which tabs or service worker are sending just now: each holds a lock while its request runs. The browser releases the
 * lock with its holder, also when a tab is left or crashes and cannot give anything back.
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
