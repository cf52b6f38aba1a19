/**
 * Work that must not hold up the next picture on the screen.
 */

const LONGEST_WAIT_MS = 150;

/** What waits for the coming frame: to ask for each of its own would hold that frame up. @type {(() => void)[] | null} */
let waiting = null;

/**
 * Do this once the coming frame has been drawn, in the order in which it was asked for; soon in any case, for a page
 * that is not seen draws none.
 * @param {() => void} work
 */
export function afterFrame(work) {
  if (waiting) {
    waiting.push(work);
    return;
  }
  const batch = (waiting = [work]);
  const doAll = () => {
    if (waiting === batch) waiting = null;
    batch.splice(0).forEach(attempt);
  };
  requestAnimationFrame(() => setTimeout(doAll));
  setTimeout(doAll, LONGEST_WAIT_MS);
}

/** What fails must not take along what others wait for. @param {() => void} work */
function attempt(work) {
  try {
    work();
  } catch (problem) {
    reportError(problem);
  }
}
