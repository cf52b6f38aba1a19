/**
 * The table on which cards lie: the one to be judged, the next one under it, and those that are flying off.
 */

import { arrange, mountCard } from "components/card";
import { flyHome, flyOff } from "components/flight";
import { mountSwipe } from "components/swipe";

/** @typedef {import("lib/dealer").Dealt} Dealt */
/** @typedef {import("logic/outbox").Verdict} Verdict */
/** @typedef {import("logic/drag").Motion} Motion */

/**
 * @param {HTMLElement} table
 * @param {object} options
 * @param {HTMLTemplateElement} options.template of a card
 * @param {(verdict: "dope" | "nope", motion: Motion) => void} options.onSwipe
 */
export function mountTable(table, { template, onSwipe }) {
  /** @returns {HTMLElement | undefined} */
  const find = (/** @type {string} */ token) => lying().find((card) => card.dataset.token === token);
  const lying = () =>
    /** @type {HTMLElement[]} */ ([...table.querySelectorAll(".card")]).filter((card) => card.dataset.place !== "gone");

  /** @param {Dealt} dealt @param {"top" | "next"} place */
  function lay(dealt, place) {
    let card = find(dealt.exposure.token);
    if (!card) {
      // Taken back while it still flies: the pictures are needed here.
      table.querySelector(`.card[data-token="${CSS.escape(dealt.exposure.token)}"]`)?.remove();
      card = mountCard(dealt, template);
      mountSwipe(card, onSwipe);
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
      hand.forEach((dealt, index) => lay(dealt, index === 0 ? "top" : "next"));
    },
    /** @param {string} token @param {Verdict} verdict @param {Motion} [motion] */
    throwOff(token, verdict, motion) {
      const card = find(token);
      if (card) void flyOff(card, verdict, motion);
    },
    /** @param {string} token @param {Verdict} verdict */
    fetchBack(token, verdict) {
      const card = find(token);
      if (card) flyHome(card, verdict);
    },
  };
}
