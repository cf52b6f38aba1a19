/**
 * A moment to celebrate: a large number over the cards that goes by itself and takes no tap away.
 */

const LASTS_MS = 1800;

/** @param {HTMLElement} place */
export function mountMoment(place) {
  const number = /** @type {HTMLElement} */ (place.querySelector("[data-number]"));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return {
    /** @param {number} reached */
    show(reached) {
      number.textContent = new Intl.NumberFormat(document.documentElement.lang).format(reached);
      place.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(() => (place.hidden = true), LASTS_MS);
    },
  };
}
