/**
 * The screen for a room: the number of answers climbs to what was published, and the result comes by itself.
 */

import { keepLive } from "lib/live_parts";
import { prefersCalm } from "lib/motion";

const CLIMB_MS = 1500;

const root = /** @type {HTMLElement} */ (document.querySelector("[data-wall]"));
const status = root.querySelector("[data-live-status]");
const { liveUrl = "", tag = "" } = root.dataset;
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const counter = () => /** @type {HTMLElement | null} */ (root.querySelector("[data-count]"));
let known = Number(counter()?.dataset.count ?? 0);

/** @param {HTMLElement} line @param {number} from @param {number} to */
function climb(line, from, to) {
  const begun = performance.now();
  const step = (/** @type {number} */ now) => {
    const share = Math.min(1, (now - begun) / CLIMB_MS);
    line.textContent = numbers.format(Math.round(from + (to - from) * (1 - (1 - share) ** 3)));
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

keepLive(root, {
  url: liveUrl,
  tag,
  onChange() {
    const line = counter();
    const now = Number(line?.dataset.count ?? known);
    if (line && now !== known && !prefersCalm()) climb(line, known, now);
    known = now;
    const said = root.querySelector("[data-announce] span")?.textContent;
    if (said && status && status.textContent !== said) status.textContent = said;
  },
});
