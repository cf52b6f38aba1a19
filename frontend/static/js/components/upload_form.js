/**
 * Forms with files: drop files or folders on them, see how much has been sent, and go on where the server says.
 *
 * Without this script they are plain forms. A `[data-drop]` holds the input of files, perhaps one of folders
 * (`data-folder`), and a line that tells what was chosen (`data-chosen`).
 */

import { filesIn, filesOf, zipOf } from "lib/lab/folders";

/** @param {ParentNode} root */
export function mountUploadForms(root) {
  for (const form of root.querySelectorAll("form[data-upload]")) mount(/** @type {HTMLFormElement} */ (form));
}

/** @param {HTMLFormElement} form */
function mount(form) {
  /** @type {Map<string, File>} */
  const chosen = new Map();
  for (const zone of form.querySelectorAll("[data-drop]")) {
    mountZone(/** @type {HTMLElement} */ (zone), form, (name, file) => {
      if (file) chosen.set(name, file);
      else chosen.delete(name);
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = new FormData(form);
    for (const [name, file] of chosen) body.set(name, file);
    void send(form, body);
  });
}

/**
 * @param {HTMLElement} zone
 * @param {HTMLFormElement} form
 * @param {(name: string, file: File | null) => void} choose
 */
function mountZone(zone, form, choose) {
  const input = /** @type {HTMLInputElement} */ (zone.querySelector("input[type=file]:not([data-folder])"));
  const folder = /** @type {HTMLInputElement | null} */ (zone.querySelector("input[data-folder]"));
  const line = /** @type {HTMLElement} */ (zone.querySelector("[data-chosen]"));
  const alone = Boolean(folder);

  /** @param {import("lib/lab/folders").Found[]} found */
  async function take(found) {
    if (!found.length) return;
    const one = found.length === 1 && (!alone || /\.zip$/i.test(found[0].path)) ? found[0].file : null;
    if (!one && !alone) {
      line.textContent = form.dataset.oneFile ?? "";
      return;
    }
    try {
      const name = found[0].path.split("/")[0].replace(/\.[^.]*$/, "") || "pictures";
      const file = one ?? (await zipOf(found, name, (done) => (line.textContent = `${done} / ${found.length}`)));
      choose(input.name, file);
      input.required = false;
      line.textContent = `${one ? file.name : found.length} · ${megabytes(file.size)}`;
      zone.dataset.full = "";
    } catch (problem) {
      line.textContent = problem instanceof RangeError ? problem.message : String(problem);
    }
  }

  input.addEventListener("change", () => {
    choose(input.name, null);
    const file = input.files?.[0];
    line.textContent = file ? `${file.name} · ${megabytes(file.size)}` : "";
    zone.toggleAttribute("data-full", Boolean(file));
  });
  folder?.addEventListener("change", () => void take(filesIn(/** @type {FileList} */ (folder.files))));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.dataset.over = "";
  });
  zone.addEventListener("dragleave", () => delete zone.dataset.over);
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    if (event.dataTransfer) void filesOf(event.dataTransfer).then(take);
  });
}

/** @param {number} size */
const megabytes = (size) => `${(size / 1_048_576).toFixed(size < 10_485_760 ? 1 : 0)} MB`;

/**
 * @param {HTMLFormElement} form
 * @param {FormData} body
 */
async function send(form, body) {
  const status = /** @type {HTMLElement} */ (form.querySelector("[data-status]"));
  const bar = /** @type {HTMLProgressElement} */ (form.querySelector("[data-sent]"));
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  bar.hidden = false;
  status.textContent = form.dataset.sending ?? "";
  const request = new XMLHttpRequest();
  request.open("POST", form.action || location.href);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  await new Promise((done) => {
    request.addEventListener("loadend", done);
    request.send(body);
  });
  if (request.status >= 200 && request.status < 300) {
    location.assign(request.responseURL);
    return;
  }
  bar.hidden = true;
  for (const button of buttons) button.disabled = false;
  status.textContent = told(request) || (form.dataset.failed ?? "");
  status.focus();
}

/** What the answer says is wrong: a form sent back with its errors, or a line. @param {XMLHttpRequest} request */
function told(request) {
  if (!request.status) return "";
  if (!(request.getResponseHeader("Content-Type") ?? "").includes("html")) return request.responseText.slice(0, 300);
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const summary = page.querySelector("form[data-upload] .notice--bad") ?? page.querySelector("main");
  return summary?.textContent?.replace(/\s+/g, " ").trim().slice(0, 500) ?? "";
}
