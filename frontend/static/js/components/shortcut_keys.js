/**
 * Buttons that can be pressed by a key: `<button data-key="ArrowLeft">`.
 */

/**
 * Keys typed into a field and the browser's own shortcuts are left alone.
 * @param {Document | HTMLElement} root
 */
export function mountKeys(root) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const button = /** @type {HTMLButtonElement | null} */ (root.querySelector(`button[data-key="${CSS.escape(key)}"]`));
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  });
}
