/**
 * How much a visitor has answered: the count at the top, whether they still need a hint, and what there is to celebrate.
 */

import { mountProgress } from "components/progress";
import { say } from "lib/texts";
import { isMilestone } from "logic/milestones";
import { cameToday, dayOf } from "logic/streak";

const HINT_KEY = "dopeornope.hint.seen";
const DAYS_KEY = "dopeornope.days";
const HINTED_ANSWERS = 3;

/**
 * @param {HTMLElement} progress
 * @param {number} answered rounds up to now
 * @param {import("lib/safe_storage").SafeStorage} storage that lasts
 * @param {(answered: number) => void} onCount
 */
export function mountTally(progress, answered, storage, onCount) {
  const line = mountProgress(progress);
  let hinting = answered < HINTED_ANSWERS && !storage.read(HINT_KEY);
  const today = () =>
    /** @type {import("logic/streak").Days} */ (cameToday(storage.read(DAYS_KEY), dayOf(new Date())));
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
        storage.write(HINT_KEY, true);
      }
      line.update(answered);
      onCount(answered);
    },
    /** Somebody answered just now. @returns {{milestone: number, text: string}} what there is to celebrate, if anything */
    occasion() {
      const days = today();
      storage.write(DAYS_KEY, days);
      if (isMilestone(answered)) return { milestone: answered, text: say("milestone", { count: answered }) };
      return { milestone: 0, text: days.fresh && days.row > 1 ? say("days", { count: days.row }) : "" };
    },
  };
}
