/**
 * Buttons that copy what they name. They stay hidden where the browser lets no page write to the clipboard, as it does
 * over plain HTTP from another machine: the text beside them can be marked by hand.
 */

/** @param {Document} document */
export function mountCopyButtons(document) {
  if (!navigator.clipboard) return;
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copy][hidden]"))) {
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const said = button.parentElement?.querySelector("[data-copied]");
  const text = await navigator.clipboard.writeText(button.dataset.copy ?? "").then(
    () => "Copied.",
    () => "The browser did not let us copy it: mark the link and copy it by hand.",
  );
  if (said) said.textContent = text;
}
