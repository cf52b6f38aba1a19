/**
 * How many rounds this visitor has answered, and how far it is to the next milestone.
 */

import { stretch } from "logic/milestones";

/**
 * @param {HTMLElement} progress
 */
export function mountProgress(progress) {
  const count = /** @type {HTMLElement} */ (progress.querySelector("[data-count]"));
  const bar = progress.querySelector("progress");
  return {
    /** @param {number} answered */
    update(answered) {
      count.textContent = String(answered);
      if (!bar) return;
      const { from, to } = stretch(answered);
      bar.max = to - from;
      bar.value = answered - from;
    },
  };
}
