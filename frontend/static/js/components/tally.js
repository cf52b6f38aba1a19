/**
 * How much a visitor has answered: the count at the top, whether they still need a hint, and what there is to celebrate.
 */

import { mountProgress } from "components/progress";
import { say } from "lib/words";
import { cameToday, dayOf } from "logic/streak";

const HINT_KEY = "dopeornope.hint.seen";
const DAYS_KEY = "dopeornope.days";
const HINTED_ANSWERS = 3;
const MILESTONES = new Set([10, 25, 50, 100, 250, 500, 1000]);

/**
 * @param {HTMLElement} progress
 * @param {number} answered up to now
 * @param {import("lib/shelf").Shelf} shelf that lasts
 */
export function mountTally(progress, answered, shelf) {
  const line = mountProgress(progress);
  let hinting = answered < HINTED_ANSWERS && !shelf.read(HINT_KEY);
  const today = () =>
    /** @type {import("logic/streak").Days} */ (cameToday(shelf.read(DAYS_KEY), dayOf(new Date())));
  line.update(answered);

  return {
    get answered() {
      return answered;
    },
    /** Whether this is somebody new to the game. */
    get hinting() {
      return hinting;
    },
    /** Days in a row, today included. */
    days: () => today().row,
    /** @param {number} more may be negative */
    add(more) {
      answered = Math.max(0, answered + more);
      if (answered >= HINTED_ANSWERS && hinting) {
        hinting = false;
        shelf.write(HINT_KEY, true);
      }
      line.update(answered);
    },
    /** Somebody answered just now. @returns {string} what there is to celebrate, if anything */
    occasion() {
      const days = today();
      shelf.write(DAYS_KEY, days);
      if (MILESTONES.has(answered)) return say("milestone", { count: answered });
      return days.fresh && days.row > 1 ? say("days", { count: days.row }) : "";
    },
  };
}
