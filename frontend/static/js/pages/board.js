/**
 * The leaderboard: stays up to date by itself, offers plots as PNG, prints what is folded.
 */

import { keepLive } from "lib/live";
import { savePng } from "lib/png";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-board]"));
const status = root.querySelector("[data-live-status]");
const { liveUrl = "", tag = "" } = root.dataset;

function offerPng() {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-png]"))) {
    button.hidden = false;
  }
}

const said = () => root.querySelector("[data-announce] span")?.textContent ?? "";
let lastSaid = said();

offerPng();
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
      // Counts change all the time; only a new decision is worth interrupting somebody.
      if (said() !== lastSaid && status) status.textContent = said();
      lastSaid = said();
    },
  });
}

window.addEventListener("beforeprint", () => {
  for (const details of root.querySelectorAll("details")) details.open = true;
});
