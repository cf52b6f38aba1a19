/**
 * A map: fetch its points, draw them.
 */

import { mountMap } from "components/map";
import { showCurrentPart } from "lib/lab/navigation";

showCurrentPart();

const root = /** @type {HTMLElement} */ (document.querySelector("[data-map]"));
const legend = /** @type {HTMLElement} */ (document.querySelector("[data-legend]"));
const answer = await fetch(/** @type {string} */ (root.dataset.points), { credentials: "same-origin" });
if (answer.ok) {
  mountMap(root, legend, (await answer.json()).places);
  root.dataset.ready = "";
} else {
  /** @type {HTMLElement} */ (root.querySelector("[role=status]")).textContent = "The points of this map cannot be read; load the page again.";
}
