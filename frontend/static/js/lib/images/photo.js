/**
 * A photo made small in the browser: what leaves the device has no more pixels than a search needs, and none of the
 * place, time or camera that the file tells.
 */

import { shrunk } from "logic/crop";

const LONG_SIDE = 1024;
const QUALITY = 0.88;

/**
 * @param {Blob} file
 * @returns {Promise<{ canvas: HTMLCanvasElement, blob: Blob }>} throws where the browser cannot read it
 */
export async function smallPhoto(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = shrunk(picture.width, picture.height, LONG_SIDE);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  picture.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Error("The photo cannot be written.");
  return { canvas, blob };
}
