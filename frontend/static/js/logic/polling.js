/**
 * When to look again: soon while things change, ever more seldom while nothing does, never while nobody looks.
 */

/** @typedef {{ wait: number }} Pace */

export const SOONEST_MS = 4_000;
export const LATEST_MS = 60_000;
const SLOWER = 1.5;

/** @returns {Pace} */
export const begin = () => ({ wait: SOONEST_MS });

/**
 * The pace after a look.
 * @param {Pace} pace
 * @param {"changed" | "same" | "failed"} outcome
 * @returns {Pace}
 */
export function after(pace, outcome) {
  if (outcome === "changed") return begin();
  return { wait: Math.min(LATEST_MS, pace.wait * (outcome === "failed" ? 2 : SLOWER)) };
}

/**
 * Milliseconds until the next look, or null while the page is hidden.
 * @param {Pace} pace
 * @param {boolean} hidden
 * @param {number} chance 0 … 1, spreads many viewers over time
 * @returns {number | null}
 */
export const delay = (pace, hidden, chance) => (hidden ? null : pace.wait * (0.85 + 0.3 * chance));
