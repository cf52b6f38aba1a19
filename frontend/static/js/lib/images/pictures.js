/**
 * Pictures that are decoded before anybody sees them.
 */

import { picturesOf } from "logic/modes";

/** @typedef {import("logic/deck").Exposure} Exposure */
/** @typedef {import("logic/deck").Picture} Picture */

/**
 * Load and decode one picture.
 * @param {Picture} picture
 * @returns {Promise<HTMLImageElement>} rejects if it cannot be loaded or is no picture
 */
async function load({ image, srcset, width, height, alt }) {
  const element = new Image(width, height);
  element.alt = alt;
  element.draggable = false;
  element.decoding = "async";
  // Before the address: a browser that knows the set loads from it alone.
  if (srcset) element.srcset = srcset;
  element.src = image;
  await element.decode();
  return element;
}

/**
 * All pictures of a round in the order in which they stand, ready to be shown in one frame.
 * @param {Exposure} exposure
 * @returns {Promise<HTMLImageElement[]>}
 */
export function loadRound(exposure) {
  return Promise.all(picturesOf(exposure).map(load));
}
