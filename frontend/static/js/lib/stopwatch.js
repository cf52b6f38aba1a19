/**
 * How long a pair was looked at: time in which the page was hidden does not count.
 */
export function stopwatch() {
  let seen = 0;
  let since = performance.now();
  const running = () => document.visibilityState === "visible";
  document.addEventListener("visibilitychange", () => {
    if (!running()) seen += performance.now() - since;
    since = performance.now();
  });
  return {
    restart() {
      seen = 0;
      since = performance.now();
    },
    /** @returns {number} milliseconds */
    read: () => Math.round(seen + (running() ? performance.now() - since : 0)),
  };
}
