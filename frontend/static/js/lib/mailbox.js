/**
 * Where answers lie until the server has them: IndexedDB, so that they outlive a crash and the service worker can send
 * them too; local storage where there is none.
 *
 * A page writes them to local storage first. That is done in the same instant, while the database takes several frames,
 * and the card shall not wait for it; they leave local storage when the database holds them. What a page that crashed
 * left there, the next one brings over.
 */

import { afterFrame } from "lib/frames";
import { openDatabase, OUTBOX, transact } from "lib/database";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("lib/shelf").Shelf} Shelf */
/**
 * @typedef {object} Mailbox
 * @property {() => Promise<Entry[]>} all
 * @property {(entries: readonly Entry[]) => Promise<void>} put resolves when they are kept, all of them: at once if it
 *   can be
 * @property {(ids: readonly string[], change: (entry: Entry) => Entry | null) => Promise<Entry[]>} update changes
 *   entries, or removes those for which `change` gives null, as one act among all tabs; gives those that were there,
 *   as they were
 */

const PREFIX = "dopeornope.outbox.";

/**
 * @param {Shelf} [shelf] takes answers first, and keeps them where IndexedDB cannot
 * @returns {Promise<Mailbox>}
 */
export async function openMailbox(shelf) {
  try {
    const database = inDatabase(await openDatabase());
    if (!shelf) return database;
    await bringOver(shelf, database);
    return inBoth(shelf, database);
  } catch (problem) {
    if (!shelf) throw problem;
    return onShelf(shelf);
  }
}

/**
 * What the database does not take stays on the shelf.
 * @param {Shelf} shelf
 * @param {Mailbox} database
 * @returns {Mailbox}
 */
function inBoth(shelf, database) {
  let moved = Promise.resolve();
  const move = (/** @type {readonly Entry[]} */ entries) =>
    database.put(entries).then(() => drop(shelf, entries)).catch(() => undefined);
  return {
    all: async () => {
      const there = await database.all();
      const known = new Set(there.map((entry) => entry.client_id));
      return [...there, ...lyingOn(shelf).filter((entry) => !known.has(entry.client_id))];
    },
    put: async (entries) => {
      if (!keep(shelf, entries)) {
        await database.put(entries);
        drop(shelf, entries);
        return;
      }
      const drawn = new Promise((resolve) => afterFrame(() => resolve(undefined)));
      moved = Promise.all([moved, drawn]).then(() => move(entries));
    },
    update: async (ids, change) => {
      await moved;
      const there = await database.update(ids, change);
      const known = new Set(there.map((entry) => entry.client_id));
      return [...there, ...(await onShelf(shelf).update(ids.filter((id) => !known.has(id)), change))];
    },
  };
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
    put: async (entries) => void keep(shelf, entries),
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

/** @param {Shelf} shelf @param {readonly Entry[]} entries @returns {boolean} whether it holds all of them */
function keep(shelf, entries) {
  return entries.map((entry) => shelf.write(PREFIX + entry.client_id, entry)).every(Boolean);
}

/** @param {Shelf} shelf @param {readonly Entry[]} entries */
function drop(shelf, entries) {
  entries.forEach((entry) => shelf.remove(PREFIX + entry.client_id));
}

/** @param {Shelf} shelf @param {Mailbox} database */
async function bringOver(shelf, database) {
  const left = lyingOn(shelf);
  if (left.length === 0) return;
  await database.put(left);
  // Only what is safe in its new place leaves the old one.
  drop(shelf, left);
}
