/**
 * One pair at a time: every button with a `data-key` can be pressed by that key, and the pictures may blink.
 */

import { mountKeys } from "components/shortcut_keys";
import { showCurrentPart } from "lib/lab/navigation";

const BLINK_MS = 600;

mountKeys(document);
showCurrentPart();
const twins = /** @type {HTMLElement | null} */ (document.querySelector("[data-twins]"));
const button = document.querySelector("[data-blink]");
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

button?.addEventListener("click", () => {
  if (!twins) return;
  const blinks = timer === undefined;
  button.setAttribute("aria-pressed", String(blinks));
  clearInterval(timer);
  timer = undefined;
  delete twins.dataset.blinking;
  if (!blinks) return;
  twins.dataset.blinking = "0";
  timer = setInterval(() => {
    twins.dataset.blinking = twins.dataset.blinking === "0" ? "1" : "0";
  }, BLINK_MS);
});
