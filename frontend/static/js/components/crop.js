/**
 * A box over a photo: dragged by mouse, finger or keys, drawn anew beside it, pinched, and announced.
 */

import { between, isWhole, moved, resized, scaled, step, whole } from "logic/crop";

/** @typedef {import("logic/crop").Box} Box */

/**
 * @param {HTMLElement} root holds `[data-photo]`, `[data-box]` and, in it, `[data-move]` and buttons with `data-handle`
 * @param {{ say: (box: Box) => string, onChange: (box: Box) => void, onDone: (box: Box) => void }} options `onChange`
 *   while the box moves, `onDone` once it rests
 */
export function mountCrop(root, { say, onChange, onDone }) {
  const frame = /** @type {HTMLElement} */ (root.querySelector("[data-photo]"));
  const shape = /** @type {HTMLElement} */ (root.querySelector("[data-box]"));
  const shadow = /** @type {HTMLElement | null} */ (root.querySelector("[data-hint]"));
  const status = /** @type {HTMLElement} */ (root.querySelector("[data-box-status]"));
  let box = whole();
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  /** @type {{ handle: string, from: { x: number, y: number }, box: Box } | null} */
  let drag = null;
  let spread = 0;

  /** @param {Box} next */
  function show(next) {
    box = next;
    putAt(shape, box);
    root.toggleAttribute("data-cropped", !isWhole(box));
    onChange(box);
  }

  function done() {
    status.textContent = say(box);
    onDone(box);
  }

  /** @param {PointerEvent} event */
  function place(event) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  const apart = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };

  frame.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    fingers.set(event.pointerId, place(event));
    frame.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      drag = null;
      spread = apart();
      return;
    }
    const target = /** @type {HTMLElement} */ (event.target);
    const handle = /** @type {HTMLElement | null} */ (target.closest("[data-handle]"))?.dataset.handle;
    // The whole photo has nowhere to be moved to: a drag across it draws a box.
    const moves = target.closest("[data-move]") !== null && !isWhole(box);
    drag = { handle: handle ?? (moves ? "move" : "draw"), from: place(event), box };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const at = place(event);
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      const now = apart();
      if (spread) show(scaled(box, now / spread));
      spread = now;
    } else if (drag) {
      const [dx, dy] = [at.x - drag.from.x, at.y - drag.from.y];
      if (drag.handle === "move") show(moved(drag.box, dx, dy));
      else if (drag.handle !== "draw") show(resized(drag.box, drag.handle, dx, dy));
      else if (Math.hypot(dx, dy) > 0.02) show(between(drag.from, at));
    }
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    frame.addEventListener(name, (event) => {
      const before = drag?.box;
      if (!fingers.delete(event.pointerId) || fingers.size) return;
      drag = null;
      if (before !== box) done();
    });
  }

  shape.addEventListener("keydown", (event) => {
    const by = step(event.key, event.shiftKey);
    const target = /** @type {HTMLElement} */ (event.target);
    if (!by || !target.matches("[data-move], [data-handle]")) return;
    event.preventDefault();
    const handle = target.dataset.handle;
    show(handle ? resized(box, handle, by.x, by.y) : moved(box, by.x, by.y));
    status.textContent = say(box);
  });
  shape.addEventListener("keyup", (event) => {
    if (step(event.key, event.shiftKey)) onDone(box);
  });

  return {
    get box() {
      return box;
    },
    /** @param {HTMLCanvasElement} canvas */
    open(canvas) {
      frame.querySelector("canvas")?.remove();
      canvas.setAttribute("aria-hidden", "true");
      frame.prepend(canvas);
      frame.style.setProperty("--shape", String(canvas.width / canvas.height));
      show(whole());
      status.textContent = say(box);
    },
    /** Show where a suggestion is, without taking it. @param {Box | null} at */
    hint(at) {
      if (!shadow) return;
      shadow.toggleAttribute("hidden", !at);
      if (at) putAt(shadow, at);
    },
    whole() {
      show(whole());
      if (shadow) shadow.hidden = true;
      done();
    },
    /** Put the box there without a word. @param {Box} next */
    lay: show,
    /** @param {Box} next */
    take(next) {
      if (shadow) shadow.hidden = true;
      show(next);
      done();
    },
  };
}

/** @param {HTMLElement} element @param {Box} box */
function putAt(element, box) {
  for (const side of /** @type {const} */ (["x1", "y1", "x2", "y2"])) {
    element.style.setProperty(`--${side}`, String(box[side]));
  }
}
