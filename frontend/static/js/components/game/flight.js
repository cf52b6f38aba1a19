/**
 * How cards leave the table, and how one comes back when its answer is taken back.
 */

import { stamp } from "components/game/card";
import { afterFrame } from "lib/after_frame";
import { prefersCalm } from "lib/motion";

/** @typedef {import("logic/modes").Way} Way */
/** @typedef {import("logic/drag").Motion} Motion */

const STILL = { x: 0, y: 0, vx: 0, vy: 0 };
const SIDE = { right: 1, left: -1, up: 0, down: 0 };

/** In sizes of the card and the window, so that nothing has to be measured. @type {Record<Way, string>} */
const AWAY = {
  right: "translate3d(calc(50vw + 100%), 12%, 0) rotate(22deg)",
  left: "translate3d(calc(-50vw - 100%), 12%, 0) rotate(-22deg)",
  up: "translate3d(0, -100vh, 0) rotate(-4deg)",
  down: "translate3d(0, 40vh, 0) scale(0.4)",
};

/**
 * The card flies off with the speed it was thrown at, and is gone.
 * @param {HTMLElement} card
 * @param {Way} way
 * @param {Motion} [motion] of the throw; none for buttons and keys
 */
export async function flyOff(card, way, motion = STILL) {
  card.dataset.place = "gone";
  stamp(card, SIDE[way]);
  const speed = Math.abs(motion.vx);
  const duration = prefersCalm() ? 160 : Math.max(220, 320 - speed / 12);
  const easing = speed > 0 ? "cubic-bezier(0.2, 0.6, 0.6, 1)" : "cubic-bezier(0.5, 0, 0.7, 0.6)";
  const flight = card.animate(framesOf(card, way), { duration, easing, fill: "forwards" });
  // That changes the style of everything on the card, which the next card need not wait for.
  afterFrame(() => (card.inert = true));
  await flight.finished.catch(() => undefined);
  card.remove();
}

/** To fade is dearer than to move: only a card that ends inside the window does. @param {HTMLElement} card @param {Way} way */
function framesOf(card, way) {
  if (prefersCalm()) return [{ opacity: 1 }, { opacity: 0 }];
  const transform = card.style.transform || "none";
  if (way !== "down") return [{ transform }, { transform: AWAY[way] }];
  return [{ transform, opacity: 1 }, { opacity: 1, offset: 0.7 }, { transform: AWAY[way], opacity: 0 }];
}

/**
 * The card returns from where it went.
 * @param {HTMLElement} card
 * @param {Way} way it had gone
 */
export function flyHome(card, way) {
  const frames = prefersCalm()
    ? [{ opacity: 0 }, { opacity: 1 }]
    : [{ transform: AWAY[way], opacity: 0 }, { opacity: 1, offset: 0.4 }, { transform: "none", opacity: 1 }];
  card.animate(frames, { duration: prefersCalm() ? 160 : 360, easing: "cubic-bezier(0.2, 0.9, 0.3, 1.1)" });
}
