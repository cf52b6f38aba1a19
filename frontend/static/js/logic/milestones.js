/**
 * What somebody who answers is on the way to, and when there is something to celebrate. Pure.
 */

const MILESTONES = [10, 25, 50, 100, 250, 500, 1000];
const THEN_EVERY = 1000;
const REVEALED_FROM = 20;
const LOOKED_EVERY = 10;

/**
 * The way between two milestones: how far along it somebody is, and where it ends.
 * @param {number} answered
 * @returns {{from: number, to: number}}
 */
export function stretch(answered) {
  const to = MILESTONES.find((one) => one > answered) ?? (Math.floor(answered / THEN_EVERY) + 1) * THEN_EVERY;
  const from = [...MILESTONES].reverse().find((one) => one <= answered) ?? 0;
  return { from: Math.max(from, answered >= THEN_EVERY ? to - THEN_EVERY : 0), to };
}

/** @param {number} answered @returns {boolean} whether this very answer reached a milestone */
export const isMilestone = (answered) => answered > 0 && stretch(answered - 1).to === answered;

/**
 * Whether to ask how often the crowd agrees: it is told from twenty verdicts on and moves in tens, so that asking more
 * often would tell nothing.
 * @param {number} answered
 * @returns {boolean}
 */
export const isTimeToLook = (answered) => answered >= REVEALED_FROM && answered % LOOKED_EVERY === 0;

/**
 * How many rounds these entries of the outbox are: what was answered together is one.
 * @param {readonly {act?: string, client_id: string}[]} entries
 * @returns {number}
 */
export const roundsIn = (entries) => new Set(entries.map(({ act, client_id }) => act ?? client_id)).size;

/**
 * What to begin counting from. The page may come out of the browser's own store, with the count of an earlier day: then
 * what was counted last on it stands.
 * @param {number} told by the page
 * @param {string} stamp of the page: each has another that the server made
 * @param {unknown} kept what was counted last
 * @param {number} unsent rounds that the server does not know yet
 * @returns {number}
 */
export function countFrom(told, stamp, kept, unsent) {
  const { stamp: of = "", count = 0 } = /** @type {{stamp?: string, count?: number}} */ (kept ?? {});
  return of === stamp && stamp ? Math.max(count, told) : told + unsent;
}
