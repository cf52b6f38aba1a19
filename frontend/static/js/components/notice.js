/**
 * The one line that tells things: trouble first, then what just happened, then the hint for newcomers.
 */

const SHORT_MS = 2600;

/**
 * @param {HTMLElement} line
 */
export function mountNotice(line) {
  const hint = line.textContent?.trim() ?? "";
  let trouble = "";
  let news = "";
  let hinting = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function draw() {
    const tone = trouble ? "trouble" : news ? "news" : "hint";
    const text = trouble || news || (hinting ? hint : "");
    if (line.textContent !== text) line.textContent = text;
    line.dataset.tone = text ? tone : "";
  }

  draw();
  return {
    /** Stays until it is over; an empty text ends it. @param {string} text */
    trouble(text) {
      trouble = text;
      draw();
    },
    /** @param {string} text */
    news(text) {
      news = text;
      draw();
      clearTimeout(timer);
      timer = setTimeout(() => {
        news = "";
        draw();
      }, SHORT_MS);
    },
    /** @param {boolean} on */
    hint(on) {
      hinting = on;
      draw();
    },
  };
}
