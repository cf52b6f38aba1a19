/**
 * Pictures that are not drawn yet: the server answers "not found" and tells a worker, and a moment later they are there.
 */

const FIRST_WAIT_MS = 1000;
const MOST_TRIES = 5;

/**
 * Ask again, each time after twice as long, for pictures below `root` that could not be loaded. Until they come they
 * bear `data-late`: an empty place, no broken picture.
 * @param {HTMLElement} root
 */
export function awaitPictures(root) {
  /** @type {WeakMap<HTMLImageElement, { source: string, tries: number }>} */
  const known = new WeakMap();
  // Errors of pictures do not bubble.
  root.addEventListener("error", (event) => again(event.target), true);
  root.addEventListener("load", (event) => arrived(event.target), true);
  for (const picture of root.querySelectorAll("img")) if (picture.complete && !picture.naturalWidth) again(picture);

  /** @param {EventTarget | null} picture */
  function arrived(picture) {
    if (picture instanceof HTMLImageElement) picture.removeAttribute("data-late");
  }

  /** @param {EventTarget | null} picture */
  function again(picture) {
    if (!(picture instanceof HTMLImageElement) || !picture.src) return;
    const source = picture.src;
    const before = known.get(picture);
    const tries = before?.source === source ? before.tries : 0;
    picture.toggleAttribute("data-late", tries < MOST_TRIES);
    if (tries >= MOST_TRIES) return;
    known.set(picture, { source, tries: tries + 1 });
    setTimeout(() => {
      // It may show something else by now.
      if (picture.src === source) picture.src = source;
    }, FIRST_WAIT_MS * 2 ** tries);
  }
}
