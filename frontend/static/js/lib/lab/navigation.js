/**
 * The parts of the lab. On a phone they stand in one line, and the part one is in may be far along it.
 */

export function showCurrentPart() {
  document.querySelector(".lab-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}
