/**
 * Two pictures on one card: beside or above each other, whichever shows them larger.
 */

/** @typedef {{width: number, height: number}} Size */

const CLEARLY = 1.08;

/**
 * The area that a picture covers when it is fitted into a box.
 * @param {Size} picture
 * @param {Size} box
 * @returns {number}
 */
export function fittedArea(picture, box) {
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  return picture.width * picture.height * scale * scale;
}

/**
 * Judged by the smaller of the two, since both must be seen. The shape of the card decides unless the other way is
 * clearly better, so that cards do not switch back and forth for nothing.
 * @param {Size} card
 * @param {readonly Size[]} pictures
 * @returns {"row" | "column"}
 */
export function arrangement(card, pictures) {
  const smallest = (/** @type {Size} */ box) => Math.min(...pictures.map((picture) => fittedArea(picture, box)));
  const row = smallest({ width: card.width / 2, height: card.height });
  const column = smallest({ width: card.width, height: card.height / 2 });
  if (card.width >= card.height) return column > row * CLEARLY ? "column" : "row";
  return row > column * CLEARLY ? "row" : "column";
}
