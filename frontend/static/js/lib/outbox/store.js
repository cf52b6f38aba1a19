/**
 * Where answers lie until the server has them: IndexedDB, so that they outlive a crash and the service worker can send
 * them too; local storage where there is none.
 *
 * A page writes them to local storage first. That is done in the same instant, while the database takes several frames,
 * and the card shall not wait for it; they leave local storage when the database holds them. What a page that crashed
 * left there, the next one brings over.
 */

import { afterFrame } from "lib/after_frame";
import { openDatabase, OUTBOX, transact } from "lib/outbox/database";

/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {import("lib/safe_storage").SafeStorage} SafeStorage */
/**
 * @typedef {object} AnswerStore
 * @property {() => Promise<Entry[]>} all
 * @property {(entries: readonly Entry[]) => Promise<void>} put resolves when they are kept, all of them: at once if it
 *   can be
 * @property {(ids: readonly string[], change: (entry: Entry) => Entry | null) => Promise<Entry[]>} update changes
 *   entries, or removes those for which `change` gives null, as one act among all tabs; gives those that were there,
 *   as they were
 */

const PREFIX = "dopeornope.outbox.";

/**
 * @param {SafeStorage} [storage] takes answers first, and keeps them where IndexedDB cannot
 * @returns {Promise<AnswerStore>}
 */
export async function openAnswerStore(storage) {
  try {
    const database = inDatabase(await openDatabase());
    if (!storage) return database;
    await bringOver(storage, database);
    return inBoth(storage, database);
  } catch (problem) {
    if (!storage) throw problem;
    return inStorage(storage);
  }
}

/**
 * What the database does not take stays in the storage.
 * @param {SafeStorage} storage
 * @param {AnswerStore} database
 * @returns {AnswerStore}
 */
function inBoth(storage, database) {
  let moved = Promise.resolve();
  const move = (/** @type {readonly Entry[]} */ entries) =>
    database.put(entries).then(() => drop(storage, entries)).catch(() => undefined);
  return {
    all: async () => {
      const there = await database.all();
      const known = new Set(there.map((entry) => entry.client_id));
      return [...there, ...storedIn(storage).filter((entry) => !known.has(entry.client_id))];
    },
    put: async (entries) => {
      if (!keep(storage, entries)) {
        await database.put(entries);
        drop(storage, entries);
        return;
      }
      const drawn = new Promise((resolve) => afterFrame(() => resolve(undefined)));
      moved = Promise.all([moved, drawn]).then(() => move(entries));
    },
    update: async (ids, change) => {
      await moved;
      const there = await database.update(ids, change);
      const known = new Set(there.map((entry) => entry.client_id));
      return [...there, ...(await inStorage(storage).update(ids.filter((id) => !known.has(id)), change))];
    },
  };
}

/** @param {IDBDatabase} database @returns {AnswerStore} */
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

/** @param {SafeStorage} storage @returns {AnswerStore} */
function inStorage(storage) {
  const read = (/** @type {string} */ id) => /** @type {Entry | null} */ (storage.read(PREFIX + id));
  return {
    all: async () => storedIn(storage),
    put: async (entries) => void keep(storage, entries),
    update: async (ids, change) => {
      const found = ids.map(read).filter((entry) => entry !== null);
      for (const entry of found) {
        const changed = change(entry);
        if (changed) storage.write(PREFIX + entry.client_id, changed);
        else storage.remove(PREFIX + entry.client_id);
      }
      return found;
    },
  };
}

/** @param {SafeStorage} storage @returns {Entry[]} */
function storedIn(storage) {
  const kept = storage.keys(PREFIX).map((key) => /** @type {Entry | null} */ (storage.read(key)));
  return kept.filter((entry) => entry !== null && typeof entry.client_id === "string" && "token" in entry);
}

/** @param {SafeStorage} storage @param {readonly Entry[]} entries @returns {boolean} whether it holds all of them */
function keep(storage, entries) {
  return entries.map((entry) => storage.write(PREFIX + entry.client_id, entry)).every(Boolean);
}

/** @param {SafeStorage} storage @param {readonly Entry[]} entries */
function drop(storage, entries) {
  entries.forEach((entry) => storage.remove(PREFIX + entry.client_id));
}

/** @param {SafeStorage} storage @param {AnswerStore} database */
async function bringOver(storage, database) {
  const left = storedIn(storage);
  if (left.length === 0) return;
  await database.put(left);
  // Only what is safe in its new place leaves the old one.
  drop(storage, left);
}
