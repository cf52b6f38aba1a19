/**
 * A canvas moved by hand: one pointer drags, two pinch, the wheel zooms, and what only passes over points.
 * @param {HTMLCanvasElement} canvas
 * @param {{ move: (dx: number, dy: number) => void, pinch: (factor: number, at: { x: number, y: number }) => void, hover: (at: { x: number, y: number }) => void }} hands
 */
export function mountGestures(canvas, { move, pinch, hover }) {
  /** @type {Map<number, { x: number, y: number }>} */
  const down = new Map();
  const at = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      pinch(Math.exp(-event.deltaY / 300), at(event));
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    hover(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    const now = at(event);
    if (!before) return hover(now);
    down.set(event.pointerId, now);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return move(now.x - before.x, now.y - before.y);
    const spread = (/** @type {{ x: number, y: number }} */ one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    return pinch(spread(now) / spread(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  });
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
    canvas.addEventListener(end, (event) => down.delete(event.pointerId));
  }
}
