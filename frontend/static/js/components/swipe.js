/**
 * Lets a card be dragged: it follows the pointer, leans, and on release flies on or springs back.
 */

import { pose } from "components/card";
import { buzz, prefersCalm } from "lib/motion";
import { isAtRest, leaning, springBack, tilt, velocity, verdictOf } from "logic/drag";

/** @typedef {import("logic/drag").Motion} Motion */

const KEPT_SAMPLES = 12;

/**
 * @param {HTMLElement} card
 * @param {(verdict: "dope" | "nope", motion: Motion) => void} onVerdict
 */
export function mountSwipe(card, onVerdict) {
  /** @type {{id: number, x: number, y: number, grip: number, samples: import("logic/drag").Sample[]} | null} */
  let held = null;
  let springing = 0;
  let motion = { x: 0, y: 0, vx: 0, vy: 0 };
  let grip = 0;

  function draw() {
    const lean = leaning(motion.x, card.clientWidth);
    if (Math.abs(lean) === 1 && !card.dataset.decided) buzz(8);
    card.dataset.decided = Math.abs(lean) === 1 ? (lean > 0 ? "dope" : "nope") : "";
    const angle = prefersCalm() ? 0 : tilt(motion.x, card.clientWidth, grip);
    pose(card, { x: motion.x, y: motion.y, angle, lean });
  }

  /** @param {PointerEvent} event */
  function grab(event) {
    if (held || event.button !== 0 || card.dataset.place !== "top") return;
    cancelAnimationFrame(springing);
    const box = card.getBoundingClientRect();
    grip = (event.clientY - box.top) / box.height;
    // Caught while it springs back, the card stays where it is under the finger.
    held = { id: event.pointerId, x: event.clientX - motion.x, y: event.clientY - motion.y, grip, samples: [] };
    card.setPointerCapture(event.pointerId);
    card.dataset.held = "";
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    if (event.pointerId !== held?.id) return;
    motion = { x: event.clientX - held.x, y: (event.clientY - held.y) * 0.6, vx: 0, vy: 0 };
    held.samples = [...held.samples, { t: event.timeStamp / 1000, x: motion.x, y: motion.y }].slice(-KEPT_SAMPLES);
    draw();
  }

  /** @param {PointerEvent} event */
  function release(event) {
    if (event.pointerId !== held?.id) return;
    motion = { ...motion, ...velocity(held.samples, event.timeStamp / 1000) };
    held = null;
    delete card.dataset.held;
    const verdict = event.type === "pointerup" ? verdictOf(motion, card.clientWidth) : null;
    if (verdict) onVerdict(verdict, motion);
    else home();
  }

  function home() {
    if (prefersCalm()) {
      motion = { x: 0, y: 0, vx: 0, vy: 0 };
      draw();
      return;
    }
    let before = performance.now();
    const step = (/** @type {number} */ now) => {
      motion = springBack(motion, (now - before) / 1000);
      before = now;
      if (isAtRest(motion)) motion = { x: 0, y: 0, vx: 0, vy: 0 };
      else springing = requestAnimationFrame(step);
      draw();
    };
    springing = requestAnimationFrame(step);
  }

  card.addEventListener("pointerdown", grab);
  card.addEventListener("pointermove", follow);
  card.addEventListener("pointerup", release);
  card.addEventListener("pointercancel", release);
}
