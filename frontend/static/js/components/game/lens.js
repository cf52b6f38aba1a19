/**
 * Looking closer: one picture as large as the screen, and larger still where it is touched.
 */

/**
 * @param {HTMLDialogElement} dialog holds `[data-stage]`, and buttons with `data-step` -1 and 1
 */
export function mountLens(dialog) {
  const stage = /** @type {HTMLElement} */ (dialog.querySelector("[data-stage]"));
  /** @type {HTMLImageElement[]} */
  let pictures = [];
  let at = 0;

  /** @param {number} index */
  function show(index) {
    at = (index + pictures.length) % pictures.length;
    const copy = /** @type {HTMLImageElement} */ (pictures[at].cloneNode());
    copy.alt = pictures[at].alt || (pictures[at].closest(".card__mat")?.querySelector("[data-choice]")?.ariaLabel ?? "");
    delete stage.dataset.close;
    stage.replaceChildren(copy);
  }

  /** @param {number} x share of the picture's width, 0 … 1 @param {number} y */
  function toggleCloser(x = 0.5, y = 0.5) {
    const closer = !("close" in stage.dataset);
    stage.toggleAttribute("data-close", closer);
    if (closer) stage.scrollTo(x * stage.scrollWidth - stage.clientWidth / 2, y * stage.scrollHeight - stage.clientHeight / 2);
  }

  dialog.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const step = /** @type {HTMLElement | null} */ (target.closest("[data-step]"))?.dataset.step;
    if (step) show(at + Number(step));
    else if (target instanceof HTMLImageElement) {
      const { left, top, width, height } = target.getBoundingClientRect();
      toggleCloser((event.clientX - left) / width, (event.clientY - top) / height);
    } else if (target === dialog || target === stage) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target === stage) {
      event.preventDefault();
      toggleCloser();
    } else if (!("close" in stage.dataset) && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      show(at + (event.key === "ArrowLeft" ? -1 : 1));
    } else if (event.key.toLowerCase() === "x" && dialog.open) {
      // The page opens it with the same key, and would now.
      event.stopPropagation();
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => {
    // The news of a closing comes late: by then it may be open again, with another picture.
    if (!dialog.open) stage.replaceChildren();
  });

  return {
    /** @param {HTMLImageElement[]} shown @param {number} index */
    open(shown, index) {
      pictures = shown;
      show(index);
      dialog.showModal();
      stage.focus();
    },
  };
}
