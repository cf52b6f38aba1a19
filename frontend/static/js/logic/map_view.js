/**
 * What part of a plane is looked at: a centre in -1 … 1 and a zoom. Nothing here touches a page.
 */

/** @typedef {{ x: number, y: number, zoom: number }} View */
/** @typedef {{ width: number, height: number }} Frame in CSS pixels */

/** @type {View} */
export const WHOLE = { x: 0, y: 0, zoom: 1 };
export const CLOSEST = 64;

/** Pixels that one unit of the plane takes; at zoom 1 all of -1 … 1 fits, with a margin.
 * @param {View} view @param {Frame} frame */
export const scaleOf = (view, frame) => (view.zoom * Math.min(frame.width, frame.height) * 0.92) / 2;

/** @param {View} view @param {Frame} frame @param {{ x: number, y: number }} place */
export function toScreen(view, frame, place) {
  const scale = scaleOf(view, frame);
  return { x: frame.width / 2 + (place.x - view.x) * scale, y: frame.height / 2 - (place.y - view.y) * scale };
}

/** @param {View} view @param {Frame} frame @param {{ x: number, y: number }} pixel */
export function toPlane(view, frame, pixel) {
  const scale = scaleOf(view, frame);
  return { x: view.x + (pixel.x - frame.width / 2) / scale, y: view.y - (pixel.y - frame.height / 2) / scale };
}

/** Moved by pixels, as if the plane were held. @param {View} view @param {Frame} frame @param {number} dx @param {number} dy @returns {View} */
export function moved(view, frame, dx, dy) {
  const scale = scaleOf(view, frame);
  return inside({ ...view, x: view.x - dx / scale, y: view.y + dy / scale });
}

/** Zoomed by a factor; the point under `pixel` stays where it is. @param {View} view @param {Frame} frame @param {number} factor @param {{ x: number, y: number }} [pixel] @returns {View} */
export function zoomed(view, frame, factor, pixel = { x: frame.width / 2, y: frame.height / 2 }) {
  const zoom = Math.min(CLOSEST, Math.max(1, view.zoom * factor));
  const before = toPlane(view, frame, pixel);
  const after = toPlane({ ...view, zoom }, frame, pixel);
  return inside({ x: view.x + before.x - after.x, y: view.y + before.y - after.y, zoom });
}

/** The index of the place nearest to a pixel, within `reach` pixels; -1 where there is none.
 * @param {View} view @param {Frame} frame @param {readonly { x: number, y: number }[]} places @param {{ x: number, y: number }} pixel @param {number} reach @param {(index: number) => boolean} shown */
export function nearest(view, frame, places, pixel, reach, shown = () => true) {
  let found = -1;
  let best = reach * reach;
  for (let index = 0; index < places.length; index += 1) {
    if (!shown(index)) continue;
    const at = toScreen(view, frame, places[index]);
    const distance = (at.x - pixel.x) ** 2 + (at.y - pixel.y) ** 2;
    if (distance <= best) [found, best] = [index, distance];
  }
  return found;
}

/** A colour per category, far apart for the most frequent. @param {readonly string[]} categories by frequency @returns {Map<string, string>} */
export function coloursOf(categories) {
  return new Map(categories.map((name, index) => [name, name === "" ? "hsl(0 0% 55%)" : `hsl(${Math.round((index * 137.508) % 360)} 70% ${index % 2 ? 42 : 55}%)`]));
}

/** Categories by how often they occur, the most frequent first. @param {readonly { category: string }[]} places */
export function byFrequency(places) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const place of places) counts.set(place.category, (counts.get(place.category) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1)).map(([name]) => name);
}

/** @param {View} view @returns {View} */
function inside(view) {
  const clamp = (/** @type {number} */ value) => Math.min(1, Math.max(-1, value));
  return { ...view, x: clamp(view.x), y: clamp(view.y) };
}
