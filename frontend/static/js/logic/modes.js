/**
 * The three ways of asking: yes or no to a pair, the closer of two, all that match. What is shown is a round; what
 * people do with it is an act; what the server gets is a verdict on each candidate. Pure.
 */

/** @typedef {"swipe" | "two" | "grid"} Mode */
/** @typedef {import("logic/outbox").Verdict} Verdict */
/** @typedef {import("logic/deck").Exposure} Round */
/** @typedef {import("logic/deck").Picture} Picture */
/** @typedef {"dope" | "nope" | "left" | "right" | "tie" | "done" | "skip" | "report"} Act */
/** @typedef {"left" | "right" | "up" | "down"} Way */

/** @type {Record<Act, Way>} */
const WAYS = { dope: "right", nope: "left", left: "left", right: "right", tie: "up", done: "up", skip: "up", report: "down" };

/** @type {Record<Mode, Record<string, Act>>} */
const KEYS = {
  swipe: { ArrowLeft: "nope", ArrowRight: "dope", ArrowUp: "skip" },
  two: { ArrowLeft: "left", ArrowRight: "right", "=": "tie", ArrowDown: "tie", ArrowUp: "skip" },
  grid: { Enter: "done", ArrowUp: "skip" },
};

/**
 * What a key means; keys that write a letter can be turned off.
 * @param {Mode} mode
 * @param {string} key
 * @param {boolean} letters whether letters mean something
 * @returns {Act | "undo" | "zoom" | null}
 */
export function actOfKey(mode, key, letters) {
  if (letters && key.toLowerCase() === "z") return "undo";
  if (letters && key.toLowerCase() === "x") return "zoom";
  return KEYS[mode][key] ?? null;
}

/**
 * Which candidate of a grid a digit means.
 * @param {Mode} mode
 * @param {string} key
 * @returns {number | null} from 0
 */
export function choiceOfKey(mode, key) {
  return mode === "grid" && /^[1-9]$/.test(key) ? Number(key) - 1 : null;
}

/**
 * Where the card goes.
 * @param {Act} act
 * @returns {Way}
 */
export const wayOf = (act) => WAYS[act];

/**
 * @param {Round} round
 * @returns {readonly (Picture & {token?: string})[]}
 */
export const candidatesOf = (round) => round.candidates ?? (round.candidate ? [round.candidate] : []);

/**
 * The pictures of a round in the order in which they stand: the query first, unless chance put it on the right.
 * @param {Round} round
 * @returns {Picture[]}
 */
export function picturesOf(round) {
  const candidates = [...candidatesOf(round)];
  return round.side === "right" ? [...candidates, round.query] : [round.query, ...candidates];
}

/**
 * What an act says about each candidate.
 * @param {Round} round
 * @param {Act} act
 * @param {readonly number[]} picked candidates of a grid that match
 * @returns {{token: string, verdict: Verdict}[]}
 */
export function verdictsOf(round, act, picked = []) {
  const tokens = round.candidates ? round.candidates.map(({ token }) => token) : [round.token];
  return tokens.map((token, index) => ({ token, verdict: verdictOn(index, act, picked) }));
}

/** @param {number} index @param {Act} act @param {readonly number[]} picked @returns {Verdict} */
function verdictOn(index, act, picked) {
  if (act === "left") return index === 0 ? "dope" : "nope";
  if (act === "right") return index === 1 ? "dope" : "nope";
  if (act === "done") return picked.includes(index) ? "dope" : "nope";
  return act;
}

/**
 * The act behind verdicts that were taken back, and what was picked.
 * @param {Mode} mode
 * @param {readonly Verdict[]} verdicts one for each candidate
 * @returns {{act: Act, picked: number[]}}
 */
export function actBehind(mode, verdicts) {
  const [first] = verdicts;
  const picked = verdicts.flatMap((verdict, index) => (verdict === "dope" ? [index] : []));
  const isVerdict = first === "dope" || first === "nope";
  if (mode === "swipe" || !isVerdict) return { act: first, picked: [] };
  if (mode === "grid") return { act: "done", picked };
  return { act: first === "dope" ? "left" : "right", picked: [] };
}

/**
 * The rounds of a deck as the server sends it, whichever way of asking it is for.
 * @param {{exposures?: Round[], groups?: {group: string, query: Picture, candidates: (Picture & {token: string})[]}[]}} deck
 * @returns {Round[]}
 */
export function roundsOf({ exposures = [], groups = [] }) {
  return [...exposures, ...groups.map(({ group, query, candidates }) => ({ token: group, query, candidates }))];
}
