/**
 * The service worker: keeps the play page, what it is made of and the next pictures usable without network, and sends
 * answers that wait when the network is back, even if no page is open.
 */

import { mountReceiptChannel, sendBatch } from "lib/outbox/delivery";
import { openAnswerStore } from "lib/outbox/store";
import { handlingOf, overflow } from "logic/cache_policy";
import { nextBatch, openOutbox } from "logic/outbox";

/** @typedef {{version: string, files: string[], votesUrl: string}} Shell what the server says of this version */

const worker = /** @type {any} */ (self);
const shell = /** @type {Shell} */ (worker.shell);
const SHELL = `shell-${shell.version}`;
const PAGES = "pages";
const PICTURES = "pictures";
const KEPT = { [PAGES]: 30, [PICTURES]: 120 };
const SYNC = "outbox";
/** A page that takes longer than this is shown from the cache, if it is there. */
const PAGE_PATIENCE_MS = 4000;

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(fillShell().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(dropOldShells().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const handling = request.method === "GET" ? handlingOf(request.url, worker.location.origin, request.mode) : null;
  if (handling === "file") event.respondWith(fromCache(request, SHELL));
  if (handling === "picture") event.respondWith(fromCache(request, PICTURES));
  if (handling === "page") event.respondWith(fromNetwork(event));
});

worker.addEventListener("sync", (/** @type {any} */ event) => {
  if (event.tag === SYNC) event.waitUntil(deliver());
});

worker.addEventListener("message", (/** @type {any} */ event) => {
  const entries = event.data?.deliver;
  if (entries) event.waitUntil(openAnswerStore().then((store) => store.put(entries)).then(deliver));
  if (event.data?.keep) event.waitUntil(keepPage(event.data.keep));
});

async function fillShell() {
  const cache = await caches.open(SHELL);
  // One file that does not come must not keep the others away: it is fetched when a page asks for it.
  await Promise.allSettled(shell.files.map((file) => cache.add(file)));
}

async function dropOldShells() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("shell-") && name !== SHELL).map((name) => caches.delete(name)));
}

/** Files and pictures never change under their names. @param {Request} request @param {string} name */
async function fromCache(request, name) {
  const cache = await caches.open(name);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await keep(cache, name, request, answer.clone());
  return answer;
}

/** Pages come from the network while there is one. @param {any} event */
async function fromNetwork({ request }) {
  const cache = await caches.open(PAGES);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  const fetching = fetch(request).then(async (answer) => {
    if (answer.ok && !answer.redirected) await keep(cache, PAGES, request, answer.clone());
    return answer;
  });
  if (!kept) return fetching;
  fetching.catch(() => undefined);
  return Promise.race([fetching.catch(() => kept), pause(PAGE_PATIENCE_MS).then(() => kept)]);
}

/** A page that was loaded before this worker was there. @param {string} url */
async function keepPage(url) {
  if (handlingOf(url, worker.location.origin, "navigate") !== "page") return;
  const request = new Request(url, { credentials: "same-origin" });
  const [cache, answer] = await Promise.all([caches.open(PAGES), fetch(request)]);
  if (answer.ok && !answer.redirected) await keep(cache, PAGES, request, answer);
}

/** @param {Cache} cache @param {string} name @param {Request} request @param {Response} answer */
async function keep(cache, name, request, answer) {
  try {
    await cache.put(request, answer);
    if (name in KEPT) await Promise.all(overflow(await cache.keys(), KEPT[name]).map((old) => cache.delete(old)));
  } catch {
    // The disk is full: then it is not kept.
  }
}

/** Send all that waits; a rejection makes the browser try again later. */
async function deliver() {
  const store = await openAnswerStore();
  const tell = mountReceiptChannel();
  const batch = nextBatch(openOutbox(await store.all()));
  if (batch.length === 0) return;
  const settled = await sendBatch({ store, url: shell.votesUrl, sender: "service-worker", batch });
  tell(settled);
  // What is left is carried by a page, or the next fifty.
  if (settled.length > 0) await deliver();
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
