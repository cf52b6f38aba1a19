/**
 * Keeps the marked parts of a page as the server has them, without a reload.
 *
 * The page itself is the document: asked for again with its tag, the server answers "not modified" or the new page,
 * from which the parts that differ are taken over.
 */

import { after, begin, delay } from "logic/polling";

/**
 * @param {HTMLElement} root holds elements with `data-live="NAME"`
 * @param {{ url: string, tag: string, onChange: (parts: string[]) => void }} options
 */
export function keepLive(root, { url, tag, onChange }) {
  let known = tag;
  let pace = begin();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function look() {
    try {
      const answer = await fetch(url, {
        headers: { Accept: "text/html", "If-None-Match": known },
        credentials: "same-origin",
        cache: "no-store",
      });
      if (answer.status === 304) pace = after(pace, "same");
      else if (answer.ok) take(await answer.text(), answer.headers.get("ETag") ?? "");
      else pace = after(pace, "failed");
    } catch {
      pace = after(pace, "failed");
    }
    plan();
  }

  /** @param {string} text @param {string} newTag */
  function take(text, newTag) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const changed = [];
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-live]"))) {
      const name = part.dataset.live ?? "";
      const fresh = page.querySelector(`[data-live="${name}"]`);
      // Who is just using a part keeps it until the next change.
      if (!fresh || fresh.innerHTML === part.dataset.seen || part.contains(document.activeElement)) continue;
      if (part.dataset.seen === undefined && fresh.innerHTML === part.innerHTML) continue;
      replace(part, fresh);
      changed.push(name);
    }
    known = newTag;
    pace = after(pace, changed.length ? "changed" : "same");
    if (changed.length) onChange(changed);
  }

  function plan() {
    clearTimeout(timer);
    const wait = delay(pace, document.hidden, Math.random());
    if (wait !== null) timer = setTimeout(() => void look(), wait);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      pace = begin();
      void look();
    } else clearTimeout(timer);
  });
  plan();
}

/**
 * New contents; what was unfolded stays so, and what was scrolled stays where it was.
 * @param {HTMLElement} part
 * @param {Element} fresh
 */
function replace(part, fresh) {
  const open = new Set([...part.querySelectorAll("details[open]")].map((details) => details.id));
  const scrolled = [...part.querySelectorAll("[role=region]")].map((region) => region.scrollLeft);
  const html = fresh.innerHTML;
  part.innerHTML = html;
  part.dataset.seen = html;
  for (const details of part.querySelectorAll("details")) details.open = open.has(details.id);
  part.querySelectorAll("[role=region]").forEach((region, index) => (region.scrollLeft = scrolled[index] ?? 0));
}
