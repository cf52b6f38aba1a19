/**
 * A page of jobs that stays up to date: it asks for itself and puts what changed into place.
 */

import { changed, pause } from "logic/live";

/** @param {ParentNode} root @returns {import("logic/live").Part[]} */
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

async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
  if (!response.ok) throw new Error(String(response.status));
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of changed(partsOf(document), partsOf(fresh))) {
    const next = fresh.getElementById(id);
    if (next) document.getElementById(id)?.replaceWith(document.adoptNode(next));
  }
}

let failures = 0;

async function again() {
  if (!document.hidden) {
    try {
      await refresh();
      failures = 0;
    } catch {
      failures += 1;
    }
  }
  setTimeout(again, pause(failures));
}

setTimeout(again, pause(failures));
