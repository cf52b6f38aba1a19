/**
 * Browser storage that never throws: where it is full, forbidden or garbled, things are simply not kept.
 */

/**
 * @typedef {object} SafeStorage
 * @property {(key: string) => unknown} read
 * @property {(key: string, value: unknown) => boolean} write false if it could not be kept
 * @property {(key: string) => void} remove
 * @property {(prefix: string) => string[]} keys
 */

/**
 * @param {"localStorage" | "sessionStorage"} kind
 * @returns {SafeStorage}
 */
export function safeStorage(kind) {
  /** @template T @param {(storage: Storage) => T} work @param {T} otherwise @returns {T} */
  const attempt = (work, otherwise) => {
    try {
      return work(window[kind]);
    } catch {
      return otherwise;
    }
  };
  return {
    read: (key) => attempt((storage) => JSON.parse(storage.getItem(key) ?? "null"), null),
    write: (key, value) => attempt((storage) => (storage.setItem(key, JSON.stringify(value)), true), false),
    remove: (key) => attempt((storage) => storage.removeItem(key), undefined),
    keys: (prefix) => attempt((storage) => Object.keys(storage).filter((key) => key.startsWith(prefix)), []),
  };
}
