/**
 * Brings the service worker in, where the browser has such a thing and the address is trusted with it.
 */

const SYNC = "outbox";

/** @param {string} url */
export function mountServiceWorker(url) {
  if (!("serviceWorker" in navigator)) return;
  // After the first pair is on the table: what the worker fetches must not be in its way.
  const register = () => void navigator.serviceWorker.register(url).catch(() => undefined);
  if (document.readyState === "complete") register();
  else window.addEventListener("load", register, { once: true });
  // The worker that comes with a first visit has not seen its page, which a reload without network then needs.
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    navigator.serviceWorker.controller?.postMessage({ keep: location.href });
  });
}

/** Ask the browser to wake the service worker when the network is back, even if this page is closed by then. */
export async function askForSync() {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  // @ts-ignore - Background Sync is not in every browser, nor in the types
  await registration?.sync?.register(SYNC).catch(() => undefined);
}

/**
 * Ask the service worker to send what waits: it lives on when this page is closed, and with it requests of its own.
 * @param {readonly import("logic/outbox").Entry[]} entries which may not have come to the database yet
 * @returns {boolean} whether there is one
 */
export function askToDeliver(entries) {
  const worker = navigator.serviceWorker?.controller;
  worker?.postMessage({ deliver: entries });
  return Boolean(worker);
}
