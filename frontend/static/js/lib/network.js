/**
 * Whether there is a way to the server.
 *
 * A browser calls itself offline where its machine has no network at all, even though a server on the same machine
 * answers: a laptop on a train that runs both. So its word is put to the test before it is believed.
 */

const PROBE = "/livez";
let reached = false;

export const isOffline = () => !navigator.onLine && !reached;

/** From now on a word that proves wrong is followed by the event "online", as if the network had come back. */
export function watchNetwork() {
  window.addEventListener("offline", () => void test());
  if (!navigator.onLine) void test();
}

async function test() {
  reached = false;
  reached = await fetch(PROBE, { cache: "no-store" }).then((answer) => answer.ok, () => false);
  if (reached && !navigator.onLine) window.dispatchEvent(new Event("online"));
}
