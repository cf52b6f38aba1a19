/**
 * What is yours: how much you answered, how often the crowd agrees, and your last answers.
 */

import { get } from "lib/api";
import { handOn } from "lib/images/share_picture";
import { percent, say } from "lib/texts";

/** @typedef {import("logic/deck").Picture} Picture */
/**
 * @typedef {object} Yours
 * @property {number} answered
 * @property {{share: number, compared: number} | null} agreement
 * @property {number} until_agreement how many verdicts are missing before it is told
 * @property {{query: Picture, candidate: Picture, verdict: string}[]} last newest first
 */

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLDialogElement} dialog
 * @param {{url: string, before: () => Promise<unknown>, days: () => number}} options `before`: what must have arrived
 */
export function mountMyVotes(button, dialog, { url, before, days }) {
  const lines = /** @type {HTMLElement} */ (dialog.querySelector("[data-lines]"));
  const last = /** @type {HTMLElement} */ (dialog.querySelector("[data-last]"));
  const model = /** @type {HTMLTemplateElement} */ (dialog.querySelector("template"));

  const share = /** @type {HTMLButtonElement | null} */ (dialog.querySelector("[data-share-picture]"));
  /** @type {number | null} */
  let crowdShare = null;

  share?.addEventListener("click", () => void handOn(share, crowdShare ?? 0));

  button.addEventListener("click", async () => {
    dialog.showModal();
    try {
      await before();
      show(await get(url));
    } catch {
      write([say("yours.cut")]);
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  /** Shown unasked, where the crowd can be told; whether it was. @returns {Promise<boolean>} */
  async function reveal() {
    try {
      await before();
      const yours = await get(url);
      if (!yours.agreement || document.querySelector("dialog[open]")) return false;
      show(yours);
      dialog.showModal();
      return true;
    } catch {
      return false;
    }
  }

  /** @param {Yours} yours */
  function show({ answered, agreement, until_agreement, last: answers }) {
    write([
      say("answered", { count: answered }),
      ...(days() > 1 ? [say("streak", { count: days() })] : []),
      crowd(agreement, until_agreement),
    ]);
    last.replaceChildren(...answers.map(line));
    crowdShare = agreement?.share ?? null;
    if (share) share.hidden = crowdShare === null;
  }

  /** @param {string[]} texts */
  function write(texts) {
    lines.replaceChildren(
      ...texts.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }),
    );
  }

  /** @param {{query: Picture, candidate: Picture, verdict: string}} answer */
  function line({ query, candidate, verdict }) {
    const item = /** @type {HTMLElement} */ (model.content.firstElementChild?.cloneNode(true));
    item.dataset.verdict = verdict;
    [query, candidate].forEach(({ image, width, height }, index) => {
      const picture = item.querySelectorAll("img")[index];
      Object.assign(picture, { src: image, width, height });
    });
    const said = item.querySelector("[data-said]");
    if (said) said.textContent = say(`said.${verdict}`);
    return item;
  }

  return { reveal };
}

/** @param {Yours["agreement"]} agreement @param {number} missing */
function crowd(agreement, missing) {
  if (missing > 0) return say("crowd.later", { count: missing });
  return agreement ? say("crowd", { share: percent(agreement.share) }) : say("crowd.few");
}
