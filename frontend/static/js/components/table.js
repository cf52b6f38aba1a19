/**
 * The table on which cards lie: the one to be judged, the next one under it, and those that are flying off.
 */

import { arrange, mountCard, pickedOn, togglePick } from "components/card";
import { flyHome, flyOff } from "components/flight";
import { mountSwipe } from "components/swipe";
import { afterFrame } from "lib/frames";

/** @typedef {import("lib/dealer").Dealt} Dealt */
/** @typedef {import("logic/modes").Mode} Mode */
/** @typedef {import("logic/modes").Way} Way */
/** @typedef {import("logic/drag").Motion} Motion */

/**
 * @param {HTMLElement} table
 * @param {object} options
 * @param {HTMLTemplateElement} options.template of a card
 * @param {Mode} options.mode
 * @param {(verdict: "dope" | "nope", motion: Motion) => void} options.onSwipe
 * @param {(choice: number) => void} options.onChoice a candidate was tapped
 * @param {(pictures: HTMLImageElement[], index: number) => void} options.onLens somebody wants to look closer
 */
export function mountTable(table, { template, mode, onSwipe, onChoice, onLens }) {
  /** @returns {HTMLElement | undefined} */
  const find = (/** @type {string} */ token) => lying().find((card) => card.dataset.token === token);
  /** The pair that is to lie under the first one. @type {Dealt | undefined} */
  let under;
  const lying = () =>
    /** @type {HTMLElement[]} */ ([...table.querySelectorAll(".card")]).filter((card) => card.dataset.place !== "gone");

  /** @param {HTMLElement} card @param {Element} target */
  function press(card, target) {
    const pick = /** @type {HTMLElement | null} */ (target.closest("[data-choice]"));
    if (pick) onChoice(Number(pick.dataset.choice));
    else if (target.closest("[data-lens]")) look(card, target.closest(".card__mat"));
  }

  /** @param {HTMLElement} card @param {Element | null | undefined} mat */
  function look(card, mat) {
    const pictures = [...card.querySelectorAll("img")];
    const index = pictures.findIndex((picture) => mat?.contains(picture));
    if (index >= 0) onLens(pictures, index);
  }

  /** @param {HTMLElement} card @param {{x: number, y: number}} point */
  function matAt(card, { x, y }) {
    return [...card.querySelectorAll(".card__mat")].find((mat) => {
      const { left, right, top, bottom } = mat.getBoundingClientRect();
      return left <= x && x <= right && top <= y && y <= bottom;
    });
  }

  /** @param {Dealt} dealt @param {"top" | "next"} place */
  function lay(dealt, place) {
    let card = find(dealt.exposure.token);
    if (!card) {
      // Taken back while it still flies: the pictures are needed here.
      table.querySelector(`.card[data-token="${CSS.escape(dealt.exposure.token)}"]`)?.remove();
      card = mountCard(dealt, template);
      if (mode === "swipe") mountSwipe(card, { onVerdict: onSwipe, onTap: (point) => look(card, matAt(card, point)) });
      card.addEventListener("click", (event) => press(card, /** @type {Element} */ (event.target)));
      // Before it is laid down, so that nothing is seen to jump.
      arrange(card, table);
      table.prepend(card);
    }
    card.dataset.place = place;
    card.inert = place !== "top";
  }

  new ResizeObserver(() => lying().forEach((card) => arrange(card, table))).observe(table);

  return {
    /** Show the first pair, with the second under it; everything else is put away. @param {Dealt[]} hand */
    show(hand) {
      const tokens = new Set(hand.map(({ exposure }) => exposure.token));
      lying()
        .filter((card) => !tokens.has(card.dataset.token ?? ""))
        .forEach((card) => card.remove());
      const [top, next] = hand;
      if (top) lay(top, "top");
      under = next;
      // A card that has to be made first can wait: it lies under the other.
      if (next && find(next.exposure.token)) lay(next, "next");
      else if (next) afterFrame(() => under && lay(under, "next"));
    },
    /** @param {string} token @param {Way} way @param {Motion} [motion] */
    throwOff(token, way, motion) {
      const card = find(token);
      if (card) void flyOff(card, way, motion);
    },
    /** @param {string} token @param {Way} way @param {readonly number[]} [picked] */
    fetchBack(token, way, picked = []) {
      const card = find(token);
      if (!card) return;
      picked.forEach((choice) => togglePick(card, choice, true));
      flyHome(card, way);
    },
    /** @param {string} token @param {number} choice */
    toggle(token, choice) {
      const card = find(token);
      if (card) togglePick(card, choice);
    },
    /** @param {string} token @returns {number[]} the candidates that are picked */
    picked(token) {
      const card = find(token);
      return card ? pickedOn(card) : [];
    },
    /** Look closer at the first picture. @param {string} token */
    lookAt(token) {
      const card = find(token);
      if (card) look(card, card.querySelector(".card__mat"));
    },
  };
}
