/**
 * Shares as people are told them. Pure; the twin of `rounded_share` in `evalapp/plots/plot_texts.py`.
 */

/** Closer than this to none or all is what sums of floats leave, and no share of anything that was counted. */
const NOTHING = 1e-12;

/**
 * In whole per cent, with a sign before it where rounding would make it none or all.
 * @param {number} share 0 … 1
 * @returns {[mark: "<" | ">" | "", percent: number]}
 */
export function roundedShare(share) {
  const percent = nearest(100 * share);
  if (share > NOTHING && percent <= 0) return ["<", 1];
  if (share < 1 - NOTHING && percent >= 100) return [">", 99];
  return ["", percent];
}

/** The nearest whole number; of two as near the even one, as the server has it. @param {number} value */
function nearest(value) {
  const upper = Math.round(value);
  return upper - value === 0.5 && upper % 2 ? upper - 1 : upper;
}
