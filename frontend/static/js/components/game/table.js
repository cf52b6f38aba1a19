/**
 * The table on which cards lie: the one to be judged, the next one under it, and those that are flying off.
 */

import { arrange, mountCard, pickedOn, togglePick } from "components/game/card";
import { flyHome, flyOff } from "components/game/flight";
import { mountSwipe } from "components/game/swipe";
import { afterFrame } from "lib/after_frame";

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
  /** The cards that lie here, by the token of their pair. @type {Map<string, HTMLElement>} */
  const lying = new Map();
  /** The pair that is to lie under the first one. @type {Dealt | undefined} */
  let under;

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
    const { token } = dealt.exposure;
    const card = lying.get(token) ?? make(dealt, place);
    lying.set(token, card);
    if (card.dataset.place === place) return;
    card.dataset.place = place;
    // That changes the style of everything on the card, which is not seen: after the frame.
    afterFrame(() => (card.inert = card.dataset.place !== "top"));
  }

  /** @param {Dealt} dealt @param {"top" | "next"} place */
  function make(dealt, place) {
    // Taken back while it still flies: the pictures are needed here.
    table.querySelector(`.card[data-token="${CSS.escape(dealt.exposure.token)}"]`)?.remove();
    const card = mountCard(dealt, template);
    if (mode === "swipe") mountSwipe(card, { onVerdict: onSwipe, onTap: (point) => look(card, matAt(card, point)) });
    card.addEventListener("click", (event) => press(card, /** @type {Element} */ (event.target)));
    // Before it is laid down, so that nothing is seen to jump.
    arrange(card, table);
    card.dataset.place = place;
    card.inert = place !== "top";
    const [below] = place === "top" ? lying.values() : [];
    // Later in the page lies higher: over the card that was on top, and under those that fly.
    if (below) below.after(card);
    else table.prepend(card);
    return card;
  }

  new ResizeObserver(() => lying.forEach((card) => arrange(card, table))).observe(table);

  return {
    /** Show the first pair, with the second under it; everything else is put away. @param {Dealt[]} hand */
    show(hand) {
      const tokens = hand.map(({ exposure }) => exposure.token);
      for (const [token, card] of lying) {
        if (tokens.includes(token)) continue;
        card.remove();
        lying.delete(token);
      }
      const [top, next] = hand;
      if (top) lay(top, "top");
      under = next;
      // A card that has to be made first can wait: it lies under the other.
      if (next && lying.has(next.exposure.token)) lay(next, "next");
      else if (next) afterFrame(() => under && lay(under, "next"));
    },
    /** @param {string} token @param {Way} way @param {Motion} [motion] */
    throwOff(token, way, motion) {
      const card = lying.get(token);
      lying.delete(token);
      if (card) void flyOff(card, way, motion);
    },
    /** @param {string} token @param {Way} way @param {readonly number[]} [picked] */
    fetchBack(token, way, picked = []) {
      const card = lying.get(token);
      if (!card) return;
      picked.forEach((choice) => togglePick(card, choice, true));
      flyHome(card, way);
    },
    /** @param {string} token @param {number} choice */
    toggle(token, choice) {
      const card = lying.get(token);
      if (card) togglePick(card, choice);
    },
    /** @param {string} token @returns {number[]} the candidates that are picked */
    picked(token) {
      const card = lying.get(token);
      return card ? pickedOn(card) : [];
    },
    /** Look closer at the first picture. @param {string} token */
    lookAt(token) {
      const card = lying.get(token);
      if (card) look(card, card.querySelector(".card__mat"));
    },
  };
}
