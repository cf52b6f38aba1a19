/**
 * The same actions by button and by key.
 */

import { afterFrame } from "lib/after_frame";
import { actOfKey, choiceOfKey } from "logic/modes";

/** @typedef {import("logic/modes").Act | "undo" | "zoom"} Action */

const PRESSED_MS = 140;

/**
 * @param {HTMLElement} controls holds a button with `data-action` for every action but `zoom`
 * @param {object} options
 * @param {import("logic/modes").Mode} options.mode
 * @param {() => boolean} options.letters whether keys that write a letter mean something
 * @param {(action: Action) => void} options.onAction
 * @param {(choice: number) => void} options.onChoice
 */
export function mountControls(controls, { mode, letters, onAction, onChoice }) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...controls.querySelectorAll("button[data-action]")]);
  let playing = false;

  controls.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (button?.dataset.action) onAction(/** @type {Action} */ (button.dataset.action));
  });

  document.addEventListener("keydown", (event) => {
    const choice = choiceOfKey(mode, event.key);
    const action = actOfKey(mode, event.key, letters());
    if ((choice === null && !action) || !isMeant(event, action)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (choice !== null) {
      if (playing) onChoice(choice);
    } else if (action) act(action);
  });

  /** @param {Action} action */
  function act(action) {
    const button = buttons.find((one) => one.dataset.action === action);
    if (button ? button.disabled : !playing) return;
    onAction(action);
    if (button) afterFrame(() => press(button));
  }

  return {
    /** @param {{playing: boolean, undo: boolean}} possible */
    update(possible) {
      playing = possible.playing;
      for (const button of buttons) button.disabled = !(button.dataset.action === "undo" ? possible.undo : playing);
    },
    /** What the button that ends a round says. @param {string} text */
    label(text) {
      const label = controls.querySelector("[data-label]");
      if (label && label.textContent !== text) label.textContent = text;
    },
  };
}

/** @param {HTMLButtonElement} button */
function press(button) {
  button.dataset.pressed = "";
  setTimeout(() => delete button.dataset.pressed, PRESSED_MS);
}

/**
 * Keys typed into a field or a dialog, and the browser's own shortcuts, are not ours; Ctrl+Z and ⌘Z are. Enter presses
 * what has the focus.
 * @param {KeyboardEvent} event
 * @param {Action | null} action
 */
function isMeant(event, action) {
  const target = /** @type {Element} */ (event.target);
  const elsewhere = target.closest?.("input, textarea, select, dialog[open]");
  const pressing = event.key === "Enter" && target.closest?.("a, button");
  const chord = event.ctrlKey || event.metaKey;
  return !elsewhere && !pressing && !event.altKey && (!event.shiftKey || event.key === "=") && (!chord || action === "undo");
}
