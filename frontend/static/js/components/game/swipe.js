/**
 * Lets a card be dragged: it follows the pointer, leans, and on release flies on or springs back.
 */

import { pose } from "components/game/card";
import { buzz, prefersCalm } from "lib/motion";
import { isAtRest, isTap, leaning, springBack, tilt, velocity, verdictOf } from "logic/drag";

/** @typedef {import("logic/drag").Motion} Motion */
/** @typedef {import("logic/drag").Sample} Sample */
/**
 * @typedef {object} Listeners
 * @property {(verdict: "dope" | "nope", motion: Motion) => void} onVerdict
 * @property {(point: {x: number, y: number}) => void} onTap
 */

const KEPT_SAMPLES = 12;
/** Up and down a card follows the finger less than it does sideways. */
const GIVE = 0.6;
const HOME = { x: 0, y: 0, vx: 0, vy: 0 };

class Swipe {
  #card;
  #listeners;
  #motion = HOME;
  #grip = 0;
  /** Of the card, measured when it is grabbed: asked for later, the page would have to be laid out for it. */
  #width = 0;
  #springing = 0;
  /** @type {{id: number, x: number, y: number, since: number, samples: Sample[]} | null} */
  #held = null;

  /** @param {HTMLElement} card @param {Listeners} listeners */
  constructor(card, listeners) {
    this.#card = card;
    this.#listeners = listeners;
    card.addEventListener("pointerdown", (event) => this.#grab(event));
    card.addEventListener("pointermove", (event) => this.#follow(event));
    card.addEventListener("pointerup", (event) => this.#release(event));
    card.addEventListener("pointercancel", (event) => this.#release(event));
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (this.#held || event.button !== 0 || this.#card.dataset.place !== "top") return;
    if (/** @type {Element} */ (event.target).closest("button")) return;
    cancelAnimationFrame(this.#springing);
    const box = this.#card.getBoundingClientRect();
    this.#width = this.#card.clientWidth;
    this.#grip = (event.clientY - box.top) / box.height;
    // Caught while it springs back, the card stays where it is under the finger.
    const { x, y } = this.#motion;
    this.#held = { id: event.pointerId, x: event.clientX - x, y: event.clientY - y / GIVE, since: event.timeStamp, samples: [] };
    this.#card.setPointerCapture(event.pointerId);
    this.#card.dataset.held = "";
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    if (event.pointerId !== this.#held?.id) return;
    const { x, y, samples } = this.#held;
    this.#motion = { x: event.clientX - x, y: (event.clientY - y) * GIVE, vx: 0, vy: 0 };
    const sample = { t: event.timeStamp / 1000, x: this.#motion.x, y: this.#motion.y };
    this.#held.samples = [...samples, sample].slice(-KEPT_SAMPLES);
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #release(event) {
    if (event.pointerId !== this.#held?.id) return;
    this.#motion = { ...this.#motion, ...velocity(this.#held.samples, event.timeStamp / 1000) };
    const tapped = isTap(this.#motion, event.timeStamp - this.#held.since);
    this.#held = null;
    const verdict = event.type === "pointerup" ? verdictOf(this.#motion, this.#width) : null;
    if (verdict) {
      // It flies off as it was held: to style it anew, with all that is on it, would hold up the next card.
      this.#listeners.onVerdict(verdict, this.#motion);
      return;
    }
    delete this.#card.dataset.held;
    if (tapped && event.type === "pointerup") this.#tap(event);
    else if (prefersCalm()) this.#rest();
    else this.#springHome();
  }

  /** @param {PointerEvent} event */
  #tap({ clientX, clientY }) {
    this.#rest();
    this.#listeners.onTap({ x: clientX, y: clientY });
  }

  #rest() {
    this.#motion = HOME;
    this.#draw();
  }

  #springHome() {
    let before = performance.now();
    const step = (/** @type {number} */ now) => {
      this.#motion = springBack(this.#motion, (now - before) / 1000);
      before = now;
      if (isAtRest(this.#motion)) {
        this.#rest();
        return;
      }
      this.#draw();
      this.#springing = requestAnimationFrame(step);
    };
    this.#springing = requestAnimationFrame(step);
  }

  #draw() {
    const { x, y } = this.#motion;
    const lean = leaning(x, this.#width);
    const decided = Math.abs(lean) === 1;
    if (decided && !("decided" in this.#card.dataset)) buzz(8);
    this.#card.toggleAttribute("data-decided", decided);
    pose(this.#card, { x, y, angle: prefersCalm() ? 0 : tilt(x, this.#width, this.#grip), lean });
  }
}

/**
 * @param {HTMLElement} card
 * @param {Listeners} listeners
 */
export function mountSwipe(card, listeners) {
  new Swipe(card, listeners);
}
