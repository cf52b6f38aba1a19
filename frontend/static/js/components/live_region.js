/**
 * Says aloud, for those who cannot see it, what has changed on the table.
 */

/**
 * @param {HTMLElement} root holds the panels that are shown where there is no card
 * @param {HTMLElement} live
 */
export function mountLiveRegion(root, live) {
  const announce = (/** @type {string[]} */ ...sentences) => {
    live.textContent = sentences.join(" ");
  };

  return {
    announce,
    /**
     * Something else than a card is shown: say it, and put the focus there if it was on what is now gone.
     * @param {string} panel
     * @param {string[]} before what is said first
     */
    greet(panel, ...before) {
      const shown = root.querySelector(`[data-panel="${panel}"]`);
      const heading = /** @type {HTMLElement | null} */ (shown?.querySelector("h2"));
      if (!heading) return announce(...before);
      announce(...before, heading.textContent ?? "");
      if (document.activeElement !== document.body) heading.focus();
    },
  };
}
