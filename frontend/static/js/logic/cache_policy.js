/**
 * What a service worker does with a request. Pure.
 */

/** @typedef {"file" | "picture" | "page"} Handling */

/**
 * @param {string} address
 * @param {string} origin of the product
 * @param {string} mode of the request
 * @returns {Handling | null} null: none of its business
 */
export function handlingOf(address, origin, mode) {
  const { origin: there, pathname } = new URL(address);
  if (there !== origin) return null;
  if (mode === "navigate") return pathname === "/" || pathname.startsWith("/play/") ? "page" : null;
  if (pathname.startsWith("/pictures/")) return "picture";
  return pathname.startsWith("/static/css/") || pathname.startsWith("/static/js/") || pathname.startsWith("/static/img/")
    ? "file"
    : null;
}

/**
 * The oldest of what is kept, as far as it is more than `most`.
 * @template T
 * @param {readonly T[]} kept oldest first
 * @param {number} most
 * @returns {T[]}
 */
export function overflow(kept, most) {
  return kept.slice(0, Math.max(0, kept.length - most));
}
