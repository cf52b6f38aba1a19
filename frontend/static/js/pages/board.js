/**
 * The leaderboard: stays up to date by itself, offers plots as PNG, opens what a link leads to, prints what is folded.
 */

import { acceptanceOf, mountAcceptance } from "components/acceptance";
import { keepLive } from "lib/live_parts";
import { savePng } from "lib/images/png_download";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-board]"));
const status = root.querySelector("[data-live-status]");
const { liveUrl = "", tag = "" } = root.dataset;

function offerPng() {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-png]"))) {
    button.hidden = false;
  }
}

/** What the address leads to may lie in a fold. */
function unfoldTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const fold = target && target.closest("details:not([open])");
  if (!(fold instanceof HTMLDetailsElement)) return;
  fold.open = true;
  target.scrollIntoView();
}

const said = () => root.querySelector("[data-announce] span")?.textContent ?? "";
let lastSaid = said();
/** @type {number | undefined} */
let accepted;

offerPng();
mountAcceptance(root);
unfoldTarget();
window.addEventListener("hashchange", unfoldTarget);
root.addEventListener("input", () => (accepted = acceptanceOf(root)));
root.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-png]") : null;
  if (button instanceof HTMLElement) void savePng(button.dataset.png ?? "");
});

if (liveUrl) {
  keepLive(root, {
    url: liveUrl,
    tag,
    onChange() {
      offerPng();
      mountAcceptance(root, accepted);
      // Counts change all the time; only a new decision is worth interrupting somebody.
      if (said() !== lastSaid && status) status.textContent = said();
      lastSaid = said();
    },
  });
}

window.addEventListener("beforeprint", () => {
  for (const details of root.querySelectorAll("details")) details.open = true;
});
