/**
 * "What would be near enough?": a slider over the rows of a table, which shows one of them at a time. All of them were
 * reckoned by the server; nothing is reckoned here.
 */

/**
 * @param {HTMLElement} root
 * @param {number} [chosen] the row that was shown before, where the part was renewed
 */
export function mountAcceptance(root, chosen) {
  const form = /** @type {HTMLFormElement | null} */ (root.querySelector("[data-acceptance]"));
  const rows = /** @type {HTMLTableRowElement[]} */ ([...root.querySelectorAll("#acceptance-table tbody tr")]);
  const slider = form?.querySelector("input");
  if (!form || !slider || rows.length === 0) return;
  form.hidden = false;
  if (chosen !== undefined && chosen < rows.length) slider.value = String(chosen);
  const show = () => {
    const cells = [...rows[Number(slider.value)].cells];
    ["points", "verdict", "votes"].forEach((name, place) => {
      const line = form.querySelector(`[data-${name}]`);
      if (line) line.replaceChildren(...[...cells[place].childNodes].map((node) => node.cloneNode(true)));
    });
    slider.setAttribute("aria-valuetext", cells.map((cell) => cell.textContent).join(". "));
  };
  slider.addEventListener("input", show);
  show();
}

/** @param {HTMLElement} root @returns {number | undefined} the row that is shown now */
export function acceptanceOf(root) {
  const slider = /** @type {HTMLInputElement | null} */ (root.querySelector("[data-acceptance] input"));
  return slider ? Number(slider.value) : undefined;
}
