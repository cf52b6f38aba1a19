/**
 * A button that opens a dialog; the browser closes it with Escape and puts the focus back.
 */

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLDialogElement} dialog
 */
export function mountDialog(button, dialog) {
  button.addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => {
    // The dialog itself is clicked only where its backdrop is: its content fills it.
    if (event.target === dialog) dialog.close();
  });
}
