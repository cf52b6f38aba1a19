/**
 * The physics of a card that is dragged, let go, and flies off or springs back. Lengths in pixels, times in seconds,
 * angles in degrees. Pure numbers; who moves the card is elsewhere.
 */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{t: number, x: number, y: number}} Sample where the pointer was at time t */
/** @typedef {{x: number, y: number, vx: number, vy: number}} Motion */

const STIFFNESS = 420;
const DAMPING = 26;
const LONGEST_STEP = 1 / 120;
const MOST_TILT = 14;
const REMEMBERED = 0.1;
const LOOK_AHEAD = 0.18;
const WIGGLE = 12;

/**
 * How far a card must be thrown to count, wherever the finger left it.
 * @param {number} width of the card
 * @returns {number}
 */
export function threshold(width) {
  return Math.max(56, Math.min(150, width * 0.26));
}

/**
 * How decided a position is: -1 fully nope, 1 fully dope.
 * @param {number} dx
 * @param {number} width
 * @returns {number}
 */
export function leaning(dx, width) {
  return Math.max(-1, Math.min(1, dx / threshold(width)));
}

/**
 * What letting go means. Where the card is heading counts, so that a quick flick is enough and a card that is pulled
 * back to the middle stays.
 * @param {Motion} motion
 * @param {number} width of the card
 * @returns {"dope" | "nope" | null}
 */
export function verdictOf(motion, width) {
  const heading = motion.x + motion.vx * LOOK_AHEAD;
  const turnedBack = Math.abs(motion.x) > WIGGLE && Math.sign(heading) !== Math.sign(motion.x);
  if (turnedBack || Math.abs(heading) < threshold(width) || Math.abs(motion.x) < WIGGLE) return null;
  return heading > 0 ? "dope" : "nope";
}

/**
 * A card held below its middle turns the other way, as a card of paper does.
 * @param {number} dx
 * @param {number} width
 * @param {number} grip where it is held: 0 top edge … 1 bottom edge
 * @returns {number}
 */
export function tilt(dx, width, grip) {
  const way = grip > 0.6 ? -1 : 1;
  return way * MOST_TILT * Math.tanh((1.4 * dx) / Math.max(width, 1));
}

/**
 * Speed at release, from the samples of the last tenth of a second; a pointer that rested has none.
 * @param {readonly Sample[]} samples oldest first
 * @param {number} now
 * @returns {{vx: number, vy: number}}
 */
export function velocity(samples, now) {
  const recent = samples.filter((sample) => now - sample.t <= REMEMBERED);
  const [first, last] = [recent.at(0), recent.at(-1)];
  const elapsed = first && last ? Math.max(now - first.t, 1 / 240) : 0;
  if (!first || !last || first === last) return { vx: 0, vy: 0 };
  return { vx: (last.x - first.x) / elapsed, vy: (last.y - first.y) / elapsed };
}

/**
 * A damped spring pulls the card home; integrated in steps small enough to be stable at any frame rate.
 * @param {Motion} motion
 * @param {number} elapsed
 * @returns {Motion}
 */
export function springBack(motion, elapsed) {
  let { x, y, vx, vy } = motion;
  for (let left = Math.min(elapsed, 0.1); left > 0; left -= LONGEST_STEP) {
    const step = Math.min(left, LONGEST_STEP);
    vx += (-STIFFNESS * x - DAMPING * vx) * step;
    vy += (-STIFFNESS * y - DAMPING * vy) * step;
    x += vx * step;
    y += vy * step;
  }
  return { x, y, vx, vy };
}

/**
 * @param {Motion} motion
 * @returns {boolean}
 */
export function isAtRest({ x, y, vx, vy }) {
  return Math.hypot(x, y) < 0.5 && Math.hypot(vx, vy) < 10;
}

/**
 * A card that was touched and not moved: somebody wants to look closer.
 * @param {Motion} motion
 * @param {number} milliseconds for which it was held
 * @returns {boolean}
 */
export function isTap({ x, y }, milliseconds) {
  return Math.hypot(x, y) < 6 && milliseconds < 400;
}
