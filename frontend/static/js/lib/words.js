/**
 * What the play page says while it runs; everything that stands still is in its template.
 */

/** @typedef {import("logic/outbox").Verdict} Verdict */

const MILESTONES = new Set([10, 25, 50, 100, 250, 500, 1000]);

/** @type {Record<Verdict, string>} */
export const SAID = { dope: "Dope.", nope: "Nope.", skip: "Skipped.", report: "Reported as broken or out of place." };

/** @param {number} count @param {string} thing */
const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** @param {number} number */
export const shownPair = (number) => `Pair ${number}: two pictures. Dope or nope?`;

/** @param {number} answered */
export const milestone = (answered) => (MILESTONES.has(answered) ? `${answered} answered. Thank you, keep going!` : "");

/** @param {number} unsent @param {boolean} offline */
export function cutOff(unsent, offline) {
  const what = offline ? "You are offline." : "The server cannot be reached.";
  if (unsent === 0) return `${what} Trying again by itself.`;
  return `${what} ${counted(unsent, "answer")} ${unsent === 1 ? "is" : "are"} kept here and sent later.`;
}

/** @param {number} count */
export const refused = (count) => `${counted(count, "answer")} came too late to count.`;

export const TAKEN_BACK = "Taken back. Have another look.";
export const NOTHING_TO_TAKE_BACK = "There is no answer to take back.";
export const CANNOT_TAKE_BACK = "This one can be taken back once you are online again.";
