/**
 * Tagging a photo: draw a box on it and look at what is proposed for that; the first proposals are confirmed by keys.
 */

import { mountCrop } from "components/crop";
import { mountKeys } from "components/shortcut_keys";
import { showCurrentPart } from "lib/lab/navigation";
import { percent, say } from "lib/texts";
import { inPixels, inShares, isWhole } from "logic/crop";

mountKeys(document);
showCurrentPart();
const root = /** @type {HTMLElement} */ (document.querySelector("[data-crop]"));
const picture = /** @type {HTMLImageElement} */ (root.querySelector("[data-picture]"));
const field = /** @type {HTMLInputElement} */ (root.querySelector("[data-box-words]"));
const width = Number(root.dataset.width);
const height = Number(root.dataset.height);

const crop = mountCrop(root, {
  say: (box) =>
    isWhole(box)
      ? say("box.whole")
      : say("box", {
          left: percent(box.x1),
          top: percent(box.y1),
          width: percent(box.x2 - box.x1),
          height: percent(box.y2 - box.y1),
        }),
  onChange: () => {},
  onDone: (box) => {
    field.value = inPixels(box, width, height) || `0,0,${width},${height}`;
    field.form?.requestSubmit();
  },
});

async function open() {
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  picture.hidden = true;
  /** @type {HTMLElement} */ (root.querySelector("[data-box]")).hidden = false;
  crop.open(canvas);
  const corners = (root.dataset.chosen ?? "").split(",").map(Number);
  if (corners.length === 4) crop.lay(inShares(corners, width, height));
  root.dataset.ready = "";
}

void open().catch(() => {
  // The picture itself stays; boxes can be typed.
});
