/**
 * The part of a photo that is searched with. A box is in shares of the photo, 0 … 1; pure numbers, no page.
 */

/** @typedef {{ x1: number, y1: number, x2: number, y2: number }} Box */
/** @typedef {{ x: number, y: number }} Point */

export const LEAST = 0.08;
const STEP = 0.02;
const LARGE_STEP = 0.1;

/** The handles, by the edges that they move. */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** @returns {Box} */
export const whole = () => ({ x1: 0, y1: 0, x2: 1, y2: 1 });

/** @param {Box} box */
export const isWhole = (box) => box.x1 <= 0 && box.y1 <= 0 && box.x2 >= 1 && box.y2 >= 1;

/**
 * The box moved as it is; at an edge of the photo it stops.
 * @param {Box} box @param {number} dx @param {number} dy @returns {Box}
 */
export function moved(box, dx, dy) {
  const right = Math.max(-box.x1, Math.min(1 - box.x2, dx));
  const down = Math.max(-box.y1, Math.min(1 - box.y2, dy));
  return { x1: box.x1 + right, y1: box.y1 + down, x2: box.x2 + right, y2: box.y2 + down };
}

/**
 * The box with the edges of a handle moved; it never turns inside out.
 * @param {Box} box @param {string} handle @param {number} dx @param {number} dy @returns {Box}
 */
export function resized(box, handle, dx, dy) {
  const next = { ...box };
  if (handle.includes("w")) next.x1 = within(box.x1 + dx, 0, box.x2 - LEAST);
  if (handle.includes("e")) next.x2 = within(box.x2 + dx, box.x1 + LEAST, 1);
  if (handle.includes("n")) next.y1 = within(box.y1 + dy, 0, box.y2 - LEAST);
  if (handle.includes("s")) next.y2 = within(box.y2 + dy, box.y1 + LEAST, 1);
  return next;
}

/**
 * A box drawn from one corner to the other, in any direction.
 * @param {Point} from @param {Point} to @returns {Box}
 */
export function between(from, to) {
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  const x1 = within(left, 0, 1 - LEAST);
  const y1 = within(top, 0, 1 - LEAST);
  return { x1, y1, x2: within(right, x1 + LEAST, 1), y2: within(bottom, y1 + LEAST, 1) };
}

/**
 * Two fingers: the box grows or shrinks around its middle.
 * @param {Box} box @param {number} factor @returns {Box}
 */
export function scaled(box, factor) {
  const width = within((box.x2 - box.x1) * factor, LEAST, 1);
  const height = within((box.y2 - box.y1) * factor, LEAST, 1);
  const x1 = within((box.x1 + box.x2 - width) / 2, 0, 1 - width);
  const y1 = within((box.y1 + box.y2 - height) / 2, 0, 1 - height);
  return { x1, y1, x2: x1 + width, y2: y1 + height };
}

/**
 * How far an arrow key goes; null for any other key.
 * @param {string} key @param {boolean} far @returns {Point | null}
 */
export function step(key, far) {
  const size = far ? LARGE_STEP : STEP;
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
  return x || y ? { x: x * size, y: y * size } : null;
}

/**
 * The box in pixels of a photo of this size: `x1,y1,x2,y2`, or nothing for the whole photo.
 * @param {Box} box @param {number} width @param {number} height
 */
export function inPixels(box, width, height) {
  if (isWhole(box)) return "";
  const x1 = Math.floor(box.x1 * width);
  const y1 = Math.floor(box.y1 * height);
  return [x1, y1, Math.max(x1 + 1, Math.ceil(box.x2 * width)), Math.max(y1 + 1, Math.ceil(box.y2 * height))].join(",");
}

/**
 * A box in pixels, x1, y1, x2, y2, as shares of a photo of this size.
 * @param {number[]} corners @param {number} width @param {number} height @returns {Box}
 */
export function inShares([x1, y1, x2, y2], width, height) {
  return between({ x: x1 / width, y: y1 / height }, { x: x2 / width, y: y2 / height });
}

/**
 * What is left of a photo of this size when its long side may have so many pixels.
 * @param {number} width @param {number} height @param {number} most
 */
export function shrunk(width, height, most) {
  const share = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}

/** @param {number} value @param {number} low @param {number} high */
const within = (value, low, high) => Math.max(low, Math.min(high, value));
