/**
 * A card with the two pictures of a pair.
 */

import { arrangement } from "logic/arrangement";

/** @typedef {import("lib/dealer").Dealt} Dealt */

/**
 * @param {Dealt} dealt
 * @param {HTMLTemplateElement} template
 * @returns {HTMLElement}
 */
export function mountCard({ exposure, pictures }, template) {
  const card = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const mats = card.querySelectorAll(".card__mat");
  mats.forEach((mat, index) => mat.append(pictures[index]));
  card.dataset.token = exposure.token;
  return card;
}

/**
 * Put the pictures beside or above each other, as the room for the card wants it.
 * @param {HTMLElement} card
 * @param {HTMLElement} room
 */
export function arrange(card, room) {
  const size = { width: room.clientWidth, height: room.clientHeight };
  const pictures = [...card.querySelectorAll("img")].map((picture) => ({
    width: picture.naturalWidth || picture.width,
    height: picture.naturalHeight || picture.height,
  }));
  card.dataset.arrangement = arrangement(size, pictures);
}

/**
 * Move a card, lean it, and let its stamps show how decided that is. All zero is at home.
 * @param {HTMLElement} card
 * @param {{x: number, y: number, angle: number, lean: number}} pose `lean`: -1 nope … 1 dope
 */
export function pose(card, { x, y, angle, lean }) {
  card.style.transform = x || y || angle ? `translate3d(${x}px, ${y}px, 0) rotate(${angle}deg)` : "";
  card.style.setProperty("--dope", String(Math.max(0, lean)));
  card.style.setProperty("--nope", String(Math.max(0, -lean)));
}
