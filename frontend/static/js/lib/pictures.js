/**
 * Pictures that are decoded before anybody sees them.
 */

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {import("logic/deck").Picture} Picture */

/**
 * Load and decode one picture.
 * @param {Picture} picture
 * @returns {Promise<HTMLImageElement>} rejects if it cannot be loaded or is no picture
 */
async function load({ image, width, height, alt }) {
  const element = new Image(width, height);
  element.alt = alt;
  element.draggable = false;
  element.decoding = "async";
  element.src = image;
  await element.decode();
  return element;
}

/**
 * Both pictures of a pair, ready to be shown in one frame.
 * @param {Exposure} exposure
 * @returns {Promise<[HTMLImageElement, HTMLImageElement]>}
 */
export function loadPair({ query, candidate }) {
  return Promise.all([load(query), load(candidate)]);
}
