/**
 * A picture to hand on: how much of the crowd somebody is, and the question. Nothing in it tells of a pair.
 */

import { percent, say } from "lib/texts";

const SIDE = 1080;
const NAME = "dope-or-nope.png";

/**
 * Share it where the device can, else save it.
 * @param {HTMLButtonElement} button its data has the question as `question` and the address as `address`
 * @param {number} share 0 … 1
 */
export async function handOn(button, share) {
  const { question = "", address = "" } = button.dataset;
  const blob = await draw(say("crowd.mine", { share: percent(share) }), question, address);
  const file = new File([blob], NAME, { type: "image/png" });
  if (navigator.canShare?.({ files: [file] })) {
    await navigator.share({ files: [file], text: question, url: address }).catch(() => undefined);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = NAME;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} headline @param {string} question @param {string} address @returns {Promise<Blob>} */
function draw(headline, question, address) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { fontFamily } = getComputedStyle(document.documentElement);
  const write = (/** @type {string} */ text, /** @type {number} */ size, /** @type {number} */ y, colour = "#2b1b31") => {
    pen.fillStyle = colour;
    pen.font = `800 ${size}px ${fontFamily}`;
    linesOf(pen, text, SIDE - 160).forEach((line, row) => pen.fillText(line, SIDE / 2, y + row * size * 1.15));
  };
  pen.fillStyle = "#fff3dc";
  pen.fillRect(0, 0, SIDE, SIDE);
  tilted(pen, "#3ccf8e", 0.12, SIDE * 0.58);
  tilted(pen, "#ff7a66", -0.12, SIDE * 0.42);
  pen.textAlign = "center";
  write("Dope or Nope", 56, 520);
  write(headline, 96, 650);
  write(question, 48, 880, "#6a5a6e");
  write(address.replace(/^https?:\/\//, ""), 36, 1020, "#6a5a6e");
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(/** @type {Blob} */ (blob)), "image/png"));
}

/** A card of the game. @param {CanvasRenderingContext2D} pen @param {string} colour @param {number} angle @param {number} x */
function tilted(pen, colour, angle, x) {
  pen.save();
  pen.translate(x, 250);
  pen.rotate(angle);
  pen.fillStyle = colour;
  pen.strokeStyle = "#2b1b31";
  pen.lineWidth = 12;
  pen.beginPath();
  pen.roundRect(-110, -150, 220, 300, 36);
  pen.fill();
  pen.stroke();
  pen.restore();
}

/** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} most @returns {string[]} */
function linesOf(pen, text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (pen.measureText(longer).width > most && lines[lines.length - 1]) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
