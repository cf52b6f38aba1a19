/**
 * The same five actions by button and by key.
 */

/** @typedef {import("logic/outbox").Verdict | "undo"} Action */

/** @type {Record<string, Action>} */
const KEYS = { ArrowLeft: "nope", ArrowRight: "dope", ArrowUp: "skip", z: "undo", Z: "undo" };
const PRESSED_MS = 140;

/**
 * @param {HTMLElement} controls holds a button with `data-action` for every action
 * @param {(action: Action) => void} onAction
 */
export function mountControls(controls, onAction) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...controls.querySelectorAll("button[data-action]")]);
  const buttonFor = (/** @type {Action} */ action) => buttons.find((button) => button.dataset.action === action);

  controls.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (button?.dataset.action) onAction(/** @type {Action} */ (button.dataset.action));
  });

  document.addEventListener("keydown", (event) => {
    const action = KEYS[event.key];
    const button = action && buttonFor(action);
    if (!button || !isMeant(event, action)) return;
    event.preventDefault();
    if (event.repeat || button.disabled) return;
    button.dataset.pressed = "";
    setTimeout(() => delete button.dataset.pressed, PRESSED_MS);
    onAction(action);
  });

  return {
    /** @param {Partial<Record<Action, boolean>>} possible */
    update(possible) {
      for (const button of buttons) button.disabled = !possible[/** @type {Action} */ (button.dataset.action)];
    },
  };
}

/**
 * Keys typed into a field or a dialog, and the browser's own shortcuts, are not ours; Ctrl+Z and ⌘Z are.
 * @param {KeyboardEvent} event
 * @param {Action} action
 */
function isMeant(event, action) {
  const elsewhere = /** @type {Element} */ (event.target).closest?.("input, textarea, select, dialog");
  const chord = event.ctrlKey || event.metaKey;
  return !elsewhere && !event.altKey && !event.shiftKey && (!chord || action === "undo");
}
