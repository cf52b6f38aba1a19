/**
 * A map of pictures on a canvas: dots from afar, thumbnails from near; moved by hand, wheel, pinch and keys.
 */

import { mountGestures } from "components/gestures";
import { mountLegend } from "components/legend";
import { byFrequency, coloursOf, moved, nearest, toScreen, WHOLE, zoomed } from "logic/map_view";

/** @typedef {{ x: number, y: number, key: string, category: string, product: string, image: string, shape: number }} Place */

const STEP_PX = 60;
const FACTOR = 1.5;
const THUMB_PX = 52;
const MOST_THUMBS = 220;
const REACH_PX = 24;

/** @param {HTMLElement} root @param {HTMLElement} legend @param {Place[]} places */
export function mountMap(root, legend, places) {
  const canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas"));
  const card = /** @type {HTMLElement} */ (root.querySelector(".map__card"));
  const said = /** @type {HTMLElement} */ (root.querySelector("[role=status]"));
  const names = byFrequency(places);
  const colours = coloursOf(names);
  /** @type {Map<number, HTMLImageElement>} */
  const loaded = new Map();
  let view = WHOLE;
  let only = /** @type {string | null} */ (null);
  let chosen = -1;
  let drawing = 0;

  const frame = () => ({ width: canvas.clientWidth, height: canvas.clientHeight });
  const shown = (/** @type {number} */ index) => only === null || places[index].category === only;

  function look(/** @type {typeof view} */ next) {
    view = next;
    if (!drawing) drawing = requestAnimationFrame(draw);
  }

  function draw() {
    drawing = 0;
    const size = frame();
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    const seen = visible(size);
    const thumbs = seen.length <= MOST_THUMBS;
    for (const index of seen) (thumbs ? drawThumb : drawDot)(pen, size, index);
    if (chosen >= 0) ring(pen, size);
    root.dataset.zoom = view.zoom.toFixed(2);
  }

  /** @param {{ width: number, height: number }} size */
  function visible(size) {
    const found = [];
    for (let index = 0; index < places.length; index += 1) {
      if (!shown(index)) continue;
      const at = toScreen(view, size, places[index]);
      if (at.x > -THUMB_PX && at.y > -THUMB_PX && at.x < size.width + THUMB_PX && at.y < size.height + THUMB_PX) found.push(index);
    }
    return found;
  }

  /** @param {CanvasRenderingContext2D} pen @param {{ width: number, height: number }} size @param {number} index */
  function drawDot(pen, size, index) {
    const at = toScreen(view, size, places[index]);
    pen.fillStyle = colours.get(places[index].category) ?? "grey";
    pen.beginPath();
    pen.arc(at.x, at.y, Math.min(7, 2.5 + view.zoom / 2), 0, 2 * Math.PI);
    pen.fill();
  }

  /** @param {CanvasRenderingContext2D} pen @param {{ width: number, height: number }} size @param {number} index */
  function drawThumb(pen, size, index) {
    const image = thumb(index);
    if (!image.complete || !image.naturalWidth) {
      drawDot(pen, size, index);
      return;
    }
    const place = places[index];
    const at = toScreen(view, size, place);
    const width = place.shape >= 1 ? THUMB_PX : THUMB_PX * place.shape;
    const height = place.shape >= 1 ? THUMB_PX / place.shape : THUMB_PX;
    pen.drawImage(image, at.x - width / 2, at.y - height / 2, width, height);
    pen.strokeStyle = colours.get(place.category) ?? "grey";
    pen.lineWidth = 3;
    pen.strokeRect(at.x - width / 2, at.y - height / 2, width, height);
  }

  /** @param {CanvasRenderingContext2D} pen @param {{ width: number, height: number }} size */
  function ring(pen, size) {
    const at = toScreen(view, size, places[chosen]);
    pen.strokeStyle = getComputedStyle(root).getPropertyValue("--focus");
    pen.lineWidth = 4;
    pen.beginPath();
    pen.arc(at.x, at.y, 14, 0, 2 * Math.PI);
    pen.stroke();
  }

  /** @param {number} index */
  function thumb(index) {
    let image = loaded.get(index);
    if (!image) {
      image = new Image();
      image.addEventListener("load", () => look(view));
      image.src = places[index].image;
      loaded.set(index, image);
    }
    return image;
  }

  /** @param {number} index */
  function choose(index) {
    if (index === chosen) return;
    chosen = index;
    card.hidden = index < 0;
    if (index >= 0) {
      const place = places[index];
      /** @type {HTMLImageElement} */ (card.querySelector("img")).src = place.image;
      const words = [place.key, place.category, place.product].filter(Boolean).join(" · ");
      /** @type {HTMLElement} */ (card.querySelector("figcaption")).textContent = words;
      said.textContent = words;
    }
    look(view);
  }

  /** The next picture by key, in its place in the middle. */
  function next(/** @type {number} */ step) {
    for (let tried = 1; tried <= places.length; tried += 1) {
      const index = (chosen + step * tried + places.length * 2) % places.length;
      if (!shown(index)) continue;
      look({ x: places[index].x, y: places[index].y, zoom: Math.max(view.zoom, 6) });
      choose(index);
      return;
    }
  }

  const actions = {
    in: () => look(zoomed(view, frame(), FACTOR)),
    out: () => look(zoomed(view, frame(), 1 / FACTOR)),
    all: () => look(WHOLE),
  };
  /** @type {Record<string, () => void>} */
  const keys = {
    "+": actions.in,
    "=": actions.in,
    "-": actions.out,
    0: actions.all,
    n: () => next(1),
    p: () => next(-1),
    Escape: () => choose(-1),
    ArrowLeft: () => look(moved(view, frame(), STEP_PX, 0)),
    ArrowRight: () => look(moved(view, frame(), -STEP_PX, 0)),
    ArrowUp: () => look(moved(view, frame(), 0, STEP_PX)),
    ArrowDown: () => look(moved(view, frame(), 0, -STEP_PX)),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  root.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button[data-do]"));
    if (button) actions[/** @type {keyof typeof actions} */ (button.dataset.do)]();
  });
  mountGestures(canvas, {
    move: (dx, dy) => look(moved(view, frame(), dx, dy)),
    pinch: (factor, at) => look(zoomed(view, frame(), factor, at)),
    hover: (at) => choose(nearest(view, frame(), places, at, REACH_PX, shown)),
  });
  mountLegend(legend, names, colours, (name) => {
    only = name;
    choose(-1);
    look(view);
  });
  new ResizeObserver(() => look(view)).observe(canvas);
}
