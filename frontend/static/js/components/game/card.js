/**
 * A card with the two pictures of a pair.
 */

import { arrangement } from "logic/arrangement";

/** @typedef {import("lib/dealer").Dealt} Dealt */

/** A card of several pictures is laid out sideways only where it is clearly wider than high. */
const MUCH_WIDER = 1.35;

/** How cards lean: to be known without asking the page, while a card follows a finger. @type {WeakMap<HTMLElement, number>} */
const leans = new WeakMap();

/**
 * @param {Dealt} dealt
 * @param {HTMLTemplateElement} template
 * @returns {HTMLElement}
 */
export function mountCard({ exposure, pictures }, template) {
  const card = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const face = /** @type {HTMLElement} */ (card.querySelector(".card__face"));
  const model = /** @type {HTMLElement} */ (card.querySelector(".card__mat"));
  model.remove();
  const askedAt = exposure.side === "right" ? pictures.length - 1 : 0;
  const mats = pictures.map((picture, index) => mat(model, picture, index, index === askedAt));
  face.prepend(...mats);
  card.dataset.token = exposure.token;
  card.dataset.candidates = String(pictures.length - 1);
  return card;
}

/** @param {HTMLElement} model @param {HTMLImageElement} picture @param {number} index @param {boolean} asked */
function mat(model, picture, index, asked) {
  const mat = /** @type {HTMLElement} */ (model.cloneNode(true));
  const pick = mat.querySelector("[data-choice]");
  const lens = mat.querySelector("[data-lens]");
  mat.toggleAttribute("data-asked", asked);
  lens?.setAttribute("aria-label", `${lens.getAttribute("aria-label")}: ${picture.alt}`);
  if (asked) pick?.remove();
  else if (pick instanceof HTMLElement) {
    pick.dataset.choice = String(index - 1);
    pick.querySelector("kbd")?.append(String(index));
    pick.setAttribute("aria-label", picture.alt);
  }
  mat.prepend(picture);
  return mat;
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
  const wide = size.width > size.height * MUCH_WIDER ? "row" : "column";
  card.dataset.arrangement = pictures.length > 2 ? wide : arrangement(size, pictures);
}

/**
 * Which candidates are picked.
 * @param {HTMLElement} card
 * @returns {number[]}
 */
export function pickedOn(card) {
  const picks = /** @type {HTMLElement[]} */ ([...card.querySelectorAll('[data-choice][aria-pressed="true"]')]);
  return picks.map((pick) => Number(pick.dataset.choice));
}

/**
 * @param {HTMLElement} card
 * @param {number} choice
 * @param {boolean} [on] the other way round than it is, if nothing is said
 */
export function togglePick(card, choice, on) {
  const pick = card.querySelector(`[data-choice="${choice}"]`);
  pick?.setAttribute("aria-pressed", String(on ?? pick.getAttribute("aria-pressed") !== "true"));
}

/**
 * Move a card, lean it, and let its stamps show how decided that is. All zero is at home.
 * @param {HTMLElement} card
 * @param {{x: number, y: number, angle: number, lean: number}} pose `lean`: -1 nope … 1 dope
 */
export function pose(card, { x, y, angle, lean }) {
  card.style.transform = x || y || angle ? `translate3d(${x}px, ${y}px, 0) rotate(${angle}deg)` : "";
  stamp(card, lean);
}

/**
 * @param {HTMLElement} card
 * @param {number} lean -1 nope … 1 dope
 */
export function stamp(card, lean) {
  if ((leans.get(card) ?? 0) === lean) return;
  leans.set(card, lean);
  press(card, "dope", String(Math.max(0, lean)));
  press(card, "nope", String(Math.max(0, -lean)));
}

/** @param {HTMLElement} card @param {"dope" | "nope"} verdict @param {string} lean */
function press(card, verdict, lean) {
  const style = /** @type {HTMLElement | null} */ (card.querySelector(`.stamp--${verdict}`))?.style;
  if (style && (style.getPropertyValue("--lean") || "0") !== lean) style.setProperty("--lean", lean);
}
