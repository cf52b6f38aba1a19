/**
 * Work that must not hold up the next picture on the screen.
 */

const LONGEST_WAIT_MS = 150;

/**
 * Do this once the coming frame has been drawn; soon in any case, for a page that is not seen draws none.
 * @param {() => void} work
 */
export function afterFrame(work) {
  let done = false;
  const once = () => {
    if (!done) work();
    done = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, LONGEST_WAIT_MS);
}
