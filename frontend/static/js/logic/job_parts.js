/**
 * What a page that asks for itself again has to put in place. No page is touched here.
 */

/**
 * The parts to replace: the smallest that differ. A part whose inner parts came or went is replaced whole; one in
 * which somebody holds the focus waits.
 * @typedef {{ id: string, html: string, shell: string, parts: Part[], focused?: boolean }} Part
 * @param {Part[]} old parts of the page as it is
 * @param {Part[]} fresh parts of the page as it would be now
 * @returns {string[]} ids
 */
export function changed(old, fresh) {
  const now = new Map(fresh.map((part) => [part.id, part]));
  return old.flatMap((part) => {
    const next = now.get(part.id);
    if (!next || next.html === part.html) return [];
    const inner = next.parts.map((one) => one.id).join() === part.parts.map((one) => one.id).join();
    if (inner && part.parts.length && next.shell === part.shell) return changed(part.parts, next.parts);
    return part.focused ? [] : [part.id];
  });
}

/**
 * How long to wait before asking again: longer after every failure, up to a minute, and where nothing is under way.
 * @param {number} failures in a row
 * @param {boolean} [calm] whether nothing on the page is under way
 * @returns {number} milliseconds
 */
export function pause(failures, calm = false) {
  return Math.min(60_000, (calm ? 15_000 : 2_000) * 2 ** failures);
}
