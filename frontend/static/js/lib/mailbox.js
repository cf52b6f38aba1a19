/**
 * Where answers lie until the server has them: IndexedDB, so that they outlive a crash and the service worker can send
 * them too; local storage where there is none.
 */

import { openDatabase, OUTBOX, transact } from "lib/database";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("lib/shelf").Shelf} Shelf */
/**
 * @typedef {object} Mailbox
 * @property {() => Promise<Entry[]>} all
 * @property {(entries: readonly Entry[]) => Promise<void>} put resolves when they are kept, all of them
 * @property {(ids: readonly string[], change: (entry: Entry) => Entry | null) => Promise<Entry[]>} update changes
 *   entries, or removes those for which `change` gives null, as one act among all tabs; gives those that were there,
 *   as they were
 */

const PREFIX = "dopeornope.outbox.";

/**
 * @param {Shelf} [shelf] keeps answers where IndexedDB cannot; what lies there of earlier versions is brought over
 * @returns {Promise<Mailbox>}
 */
export async function openMailbox(shelf) {
  try {
    const mailbox = inDatabase(await openDatabase());
    if (shelf) await bringOver(shelf, mailbox);
    return mailbox;
  } catch (problem) {
    if (!shelf) throw problem;
    return onShelf(shelf);
  }
}

/** @param {IDBDatabase} database @returns {Mailbox} */
function inDatabase(database) {
  return {
    all: () => transact(database, OUTBOX, "readonly", (store) => store.getAll()).then(({ result }) => result),
    put: (entries) =>
      transact(database, OUTBOX, "readwrite", (store) => entries.forEach((entry) => store.put(entry))),
    update: (ids, change) =>
      transact(database, OUTBOX, "readwrite", (store) => {
        /** @type {Entry[]} */
        const found = [];
        for (const id of ids) {
          const reading = store.get(id);
          reading.onsuccess = () => {
            if (!reading.result) return;
            found.push(reading.result);
            const changed = change(reading.result);
            if (changed) store.put(changed);
            else store.delete(id);
          };
        }
        return found;
      }),
  };
}

/** @param {Shelf} shelf @returns {Mailbox} */
function onShelf(shelf) {
  const read = (/** @type {string} */ id) => /** @type {Entry | null} */ (shelf.read(PREFIX + id));
  return {
    all: async () => lyingOn(shelf),
    put: async (entries) => entries.forEach((entry) => shelf.write(PREFIX + entry.client_id, entry)),
    update: async (ids, change) => {
      const found = ids.map(read).filter((entry) => entry !== null);
      for (const entry of found) {
        const changed = change(entry);
        if (changed) shelf.write(PREFIX + entry.client_id, changed);
        else shelf.remove(PREFIX + entry.client_id);
      }
      return found;
    },
  };
}

/** @param {Shelf} shelf @returns {Entry[]} */
function lyingOn(shelf) {
  const kept = shelf.keys(PREFIX).map((key) => /** @type {Entry | null} */ (shelf.read(key)));
  return kept.filter((entry) => entry !== null && typeof entry.client_id === "string" && "token" in entry);
}

/** @param {Shelf} shelf @param {Mailbox} mailbox */
async function bringOver(shelf, mailbox) {
  const old = lyingOn(shelf);
  if (old.length === 0) return;
  await mailbox.put(old);
  // Only what is safe in its new place leaves the old one.
  old.forEach((entry) => shelf.remove(PREFIX + entry.client_id));
}
