/**
 * Buttons that hand a link on with the device's own means; they stay hidden where a browser has none.
 */

/** @param {ParentNode} root */
export function mountShareButtons(root) {
  if (!navigator.share) return;
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-share][hidden]"))) {
    button.hidden = false;
    button.addEventListener("click", () => void share(button));
  }
}

/** @param {HTMLButtonElement} button */
async function share({ dataset: { share: url, title, text } }) {
  // Who changes their mind is told nothing.
  await navigator.share({ url, title, text }).catch(() => undefined);
}
