/**
 * Plots as PNG, drawn by the browser from the SVG that the server offers.
 */

const SCALE = 2;

/**
 * Fetch an SVG and hand it to the visitor as a PNG file of twice its size.
 * @param {string} url
 */
export async function savePng(url) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const picture = await load(await answer.text());
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth * SCALE;
  canvas.height = picture.naturalHeight * SCALE;
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  save(/** @type {Blob} */ (blob), nameOf(answer.headers.get("Content-Disposition") ?? ""));
}

/** As the server calls the file. @param {string} disposition */
function nameOf(disposition) {
  return (/filename="([^"]+)"/.exec(disposition)?.[1] ?? "plot.svg").replace(/\.svg$/, ".png");
}

/** @param {string} svg @returns {Promise<HTMLImageElement>} */
function load(svg) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error("The plot cannot be drawn."));
    // A data address, which the page's policy allows for pictures.
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  });
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
