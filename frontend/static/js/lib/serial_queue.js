/**
 * One thing after the other: what is asked for begins when what was asked for before is done.
 * @returns {(work: () => Promise<void>) => void}
 */
export function serialQueue() {
  let last = Promise.resolve();
  return (work) => {
    last = last.then(work, work);
  };
}
