/**
 * The one line that tells things: trouble first, then what just happened, then the hint for newcomers.
 */

const SHORT_MS = 2600;
const LONG_MS = 8000;

/**
 * @param {HTMLElement} line
 * @param {HTMLButtonElement} [back] offered beside news of what may have been a slip
 */
export function mountNotice(line, back) {
  const hint = line.textContent?.trim() ?? "";
  let trouble = "";
  let news = "";
  let hinting = false;
  let offered = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function draw() {
    const tone = trouble ? "trouble" : news ? "news" : "hint";
    const text = trouble || news || (hinting ? hint : "");
    if (line.textContent !== text) line.textContent = text;
    line.dataset.tone = text ? tone : "";
    if (back) back.hidden = !(tone === "news" && offered);
  }

  draw();
  return {
    /** Stays until it is over; an empty text ends it. @param {string} text */
    trouble(text) {
      trouble = text;
      draw();
    },
    /** @param {string} text @param {boolean} [slip] whether it may have been one: then it stays longer, with a way back */
    news(text, slip = false) {
      news = text;
      offered = slip;
      draw();
      clearTimeout(timer);
      timer = setTimeout(() => {
        news = "";
        draw();
      }, slip ? LONG_MS : SHORT_MS);
    },
    /** @param {boolean} on */
    hint(on) {
      hinting = on;
      draw();
    },
  };
}
