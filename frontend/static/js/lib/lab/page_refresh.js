/**
 * A page that stays up to date: it asks for itself and puts what changed into place.
 *
 * Elements with an id and `data-live` are its parts. While one bears `data-busy` it asks every two seconds, else seldom.
 */

import { changed, pause } from "logic/job_parts";

/** @param {ParentNode} root @returns {import("logic/job_parts").Part[]} */
function partsOf(root) {
  const all = [...root.querySelectorAll("[data-live]")];
  const outer = all.filter((one) => !all.some((other) => other !== one && other.contains(one)));
  return outer.map((element) => {
    const parts = partsOf(element);
    return {
      id: element.id,
      html: withoutSecrets(element.outerHTML),
      shell: parts.reduce((html, part) => html.replace(part.html, ""), withoutSecrets(element.outerHTML)),
      parts,
      focused: element.contains(document.activeElement),
    };
  });
}

/** Forms carry a token that is another in every answer. @param {string} html */
function withoutSecrets(html) {
  return html.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1");
}

/** @param {(parts: string[]) => void} onChange */
async function refresh(onChange) {
  const response = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
  if (!response.ok) throw new Error(String(response.status));
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const ids = changed(partsOf(document), partsOf(fresh));
  for (const id of ids) {
    const next = fresh.getElementById(id);
    if (next) document.getElementById(id)?.replaceWith(document.adoptNode(next));
  }
  if (ids.length) onChange(ids);
}

/**
 * Begin; nothing happens on a page without live parts.
 * @param {(parts: string[]) => void} [onChange] is told which parts are new
 */
export function keepFresh(onChange = () => {}) {
  if (!document.querySelector("[data-live]")) return;
  let failures = 0;
  const isCalm = () => !document.querySelector("[data-busy]");

  async function again() {
    if (!document.hidden) {
      try {
        await refresh(onChange);
        failures = 0;
      } catch {
        failures += 1;
      }
    }
    setTimeout(again, pause(failures, isCalm()));
  }

  setTimeout(again, pause(0, isCalm()));
}
