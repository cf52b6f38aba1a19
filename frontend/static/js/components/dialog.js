/**
 * Dialogs that a button opens, or that open by themselves once; the browser closes them with Escape and puts the focus
 * back.
 */

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLDialogElement} dialog
 */
export function mountDialog(button, dialog) {
  button.addEventListener("click", () => dialog.showModal());
  closeByBackdrop(dialog);
}

/**
 * Open it unless that was done before.
 * @param {HTMLDialogElement} dialog
 * @param {import("lib/safe_storage").SafeStorage} storage that lasts
 * @param {string} key under which it is remembered
 */
export function openOnce(dialog, storage, key) {
  closeByBackdrop(dialog);
  if (storage.read(key)) return;
  dialog.showModal();
  storage.write(key, true);
}

/** @param {HTMLDialogElement} dialog */
function closeByBackdrop(dialog) {
  dialog.addEventListener("click", (event) => {
    // The dialog itself is clicked only where its backdrop is: its content fills it.
    if (event.target === dialog) dialog.close();
  });
}
