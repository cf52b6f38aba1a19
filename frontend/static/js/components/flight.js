/**
 * How cards leave the table, and how one comes back when its answer is taken back.
 */

import { pose } from "components/card";
import { prefersCalm } from "lib/motion";

/** @typedef {import("logic/modes").Way} Way */
/** @typedef {import("logic/drag").Motion} Motion */

const STILL = { x: 0, y: 0, vx: 0, vy: 0 };
const SIDE = { right: 1, left: -1, up: 0, down: 0 };
const SPIN = 22;

/** @param {HTMLElement} card @param {Way} way */
function away(card, way) {
  if (way === "up") return `translate3d(0, ${-window.innerHeight}px, 0) rotate(-4deg)`;
  if (way === "down") return `translate3d(0, ${window.innerHeight * 0.4}px, 0) scale(0.4)`;
  const distance = SIDE[way] * (window.innerWidth / 2 + card.clientWidth);
  return `translate3d(${distance}px, ${card.clientHeight * 0.12}px, 0) rotate(${SIDE[way] * SPIN}deg)`;
}

/**
 * The card flies off with the speed it was thrown at, and is gone.
 * @param {HTMLElement} card
 * @param {Way} way
 * @param {Motion} [motion] of the throw; none for buttons and keys
 */
export async function flyOff(card, way, motion = STILL) {
  // Asked for before anything changes: afterwards the page would have to be laid out for it.
  const end = prefersCalm() ? "none" : away(card, way);
  card.dataset.place = "gone";
  card.inert = true;
  const start = card.style.transform || "none";
  pose(card, { x: motion.x, y: motion.y, angle: 0, lean: SIDE[way] });
  card.style.transform = start;
  const speed = Math.abs(motion.vx);
  const frames = prefersCalm()
    ? [{ opacity: 1 }, { opacity: 0 }]
    : [
        { transform: start, opacity: 1 },
        { opacity: 1, offset: 0.7 },
        { transform: end, opacity: 0 },
      ];
  const duration = prefersCalm() ? 160 : Math.max(260, 460 - speed / 12);
  const easing = speed > 0 ? "cubic-bezier(0.2, 0.6, 0.6, 1)" : "cubic-bezier(0.5, 0, 0.7, 0.6)";
  await card.animate(frames, { duration, easing, fill: "forwards" }).finished.catch(() => undefined);
  card.remove();
}

/**
 * The card returns from where it went.
 * @param {HTMLElement} card
 * @param {Way} way it had gone
 */
export function flyHome(card, way) {
  const frames = prefersCalm()
    ? [{ opacity: 0 }, { opacity: 1 }]
    : [{ transform: away(card, way), opacity: 0 }, { opacity: 1, offset: 0.4 }, { transform: "none", opacity: 1 }];
  card.animate(frames, { duration: prefersCalm() ? 160 : 360, easing: "cubic-bezier(0.2, 0.9, 0.3, 1.1)" });
}
