/**
 * How many pairs this visitor has answered.
 */

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
      if (bar) bar.value = answered;
    },
  };
}
