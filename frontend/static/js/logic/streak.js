/**
 * Days in a row on which somebody answered. Pure; days are those of the visitor's own clock.
 */

/** @typedef {{day: number, row: number, fresh: boolean}} Days `fresh`: this is the first answer of the day */

const DAY_MS = 86_400_000;

/**
 * The number of a day, one more than that of the day before, whatever the clock does in spring and autumn.
 * @param {Date} date
 * @returns {number}
 */
export function dayOf(date) {
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
}

/**
 * @param {unknown} kept what an earlier answer left
 * @param {number} today
 * @returns {Days}
 */
export function cameToday(kept, today) {
  const { day, row } = /** @type {Partial<Days>} */ (kept ?? {});
  if (typeof day !== "number" || typeof row !== "number") return { day: today, row: 1, fresh: true };
  if (day === today) return { day, row, fresh: false };
  return { day: today, row: day === today - 1 ? row + 1 : 1, fresh: true };
}
