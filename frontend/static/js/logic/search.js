/**
 * What a visitor has chosen on the search page: filters, and dope or nope on answers. Pure values, no page.
 */

/** @typedef {"dope" | "nope"} Verdict */
/** @typedef {{ filters: Record<string, string[]>, verdicts: Map<string, Verdict>, told: string[] }} Choice */

/** @returns {Choice} */
export const nothingChosen = () => ({ filters: {}, verdicts: new Map(), told: [] });

/**
 * A filter switched on or off.
 * @param {Choice} choice @param {string} column @param {string} value @returns {Choice}
 */
export function toggled(choice, column, value) {
  const chosen = choice.filters[column] ?? [];
  const values = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
  const filters = { ...choice.filters, [column]: values };
  if (!values.length) delete filters[column];
  return { ...choice, filters };
}

/**
 * Dope or nope on an answer; the same again takes it back.
 * @param {Choice} choice @param {string} key @param {Verdict} verdict @returns {Choice}
 */
export function judged(choice, key, verdict) {
  const verdicts = new Map(choice.verdicts);
  const told = choice.told.filter((one) => one !== key);
  if (verdicts.get(key) === verdict) verdicts.delete(key);
  else {
    verdicts.set(key, verdict);
    told.push(key);
  }
  return { ...choice, verdicts, told };
}

/**
 * The answer that was judged last, to be taken back; undefined where there is none.
 * @param {Choice} choice
 */
export const lastJudged = (choice) => choice.told.at(-1);

/** @param {Choice} choice @param {Verdict} verdict @returns {string[]} keys, in the order of their judging */
export const keysOf = (choice, verdict) => choice.told.filter((key) => choice.verdicts.get(key) === verdict);

/**
 * The chips of a column: those that are switched on first, then the most frequent.
 * @param {Record<string, number>} counts @param {string[]} chosen @param {number} most
 */
export function chips(counts, chosen, most) {
  const names = [...new Set([...chosen, ...Object.keys(counts)])];
  const rank = (/** @type {string} */ name) => (chosen.includes(name) ? 1e9 : 0) + (counts[name] ?? 0);
  return names
    .sort((a, b) => rank(b) - rank(a) || a.localeCompare(b))
    .slice(0, most)
    .map((name) => ({ name, count: counts[name] ?? 0, on: chosen.includes(name) }));
}
