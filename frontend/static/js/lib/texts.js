/**
 * What a page says while it runs: the server gives the words in the visitor's language, in `<script id="words">`.
 * Everything that stands still is in the page's template.
 */

import { roundedShare } from "lib/shares";

/** @typedef {Record<string, string | [string, string]>} Catalogue a text, or one for a single thing and one for several */

const { lang } = document.documentElement;
const catalogue = /** @type {Catalogue} */ (JSON.parse(document.getElementById("words")?.textContent ?? "{}"));
const plurals = new Intl.PluralRules(lang);
const numbers = new Intl.NumberFormat(lang);

/**
 * @param {string} key
 * @param {Record<string, number | string>} [values] put in where the text names them in braces; `count` chooses between
 *   the text for one and that for several
 * @returns {string}
 */
export function say(key, values = {}) {
  const text = catalogue[key] ?? key;
  const form = Array.isArray(text) ? text[plurals.select(Number(values.count)) === "one" ? 0 : 1] : text;
  return form.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : (value ?? whole);
  });
}

/** @param {number} share @returns {string} 0.784 as 78 %, 0.999 as >99 % */
export function percent(share) {
  const [mark, whole] = roundedShare(share);
  return mark + new Intl.NumberFormat(lang, { style: "percent" }).format(whole / 100);
}

/** @param {number} unsent @param {boolean} offline */
export function cutOff(unsent, offline) {
  const what = say(offline ? "offline" : "unreachable");
  return `${what} ${unsent === 0 ? say("trying") : say("kept", { count: unsent })}`;
}
