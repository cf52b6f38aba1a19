/**
 * IndexedDB in promises: one small database of the browser, shared by all tabs and the service worker.
 */

const NAME = "dopeornope";
const VERSION = 1;
export const OUTBOX = "outbox";

/**
 * @returns {Promise<IDBDatabase>} rejects where the browser has none or forbids it
 */
export function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, VERSION);
    opening.onupgradeneeded = () => opening.result.createObjectStore(OUTBOX, { keyPath: "client_id" });
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("An older page holds the database."));
    opening.onsuccess = () => {
      // A newer version of the product, or "forget me" in another tab, must not wait for this one.
      opening.result.onversionchange = () => opening.result.close();
      resolve(opening.result);
    };
  });
}

/**
 * One transaction: it holds as a whole once the promise resolves.
 * @template T
 * @param {IDBDatabase} database
 * @param {string} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => T} work starts requests, and returns what the promise gives
 * @returns {Promise<T>}
 */
export function transact(database, store, mode, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const result = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error);
  });
}
