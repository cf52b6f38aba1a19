/**
 * Forms with files: drop files or folders on them, see how much has been sent, and go on where the server says.
 *
 * Without this script they are plain forms. A `[data-drop]` holds the input of files, perhaps one of folders
 * (`data-folder`), and a line that tells what was chosen (`data-chosen`). A form that comes back with what is off in it
 * takes the place of the one that was sent, so it reads as every other form does; the chosen files stay chosen.
 */

import { filesIn, filesOf, zipOf } from "lib/lab/folders";

/** @param {ParentNode} root */
export function mountUploadForms(root) {
  for (const form of root.querySelectorAll("form[data-upload]")) mount(/** @type {HTMLFormElement} */ (form), new Map());
}

/**
 * @param {HTMLFormElement} form
 * @param {Map<string, File>} chosen files that no input holds: what was dropped, and folders made into a zip
 */
function mount(form, chosen) {
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
    void send(form, body, chosen);
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
 * @param {Map<string, File>} chosen
 */
async function send(form, body, chosen) {
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
  const refused = formIn(request);
  if (refused) {
    takePlace(form, refused);
    mount(refused, chosen);
    /** @type {HTMLElement | null} */ (refused.querySelector(".notice--bad"))?.focus();
    return;
  }
  bar.hidden = true;
  for (const button of buttons) button.disabled = false;
  status.textContent = lineIn(request) || (form.dataset.failed ?? "");
  status.focus();
}

/** The form that came back with what is off in it, if one did. @param {XMLHttpRequest} request */
function formIn(request) {
  const form = pageOf(request)?.querySelector("form[data-upload]:has(.notice--bad)");
  return form ? /** @type {HTMLFormElement} */ (document.adoptNode(form)) : null;
}

/**
 * Files cannot be written into a page that is sent, so they are carried over.
 * @param {HTMLFormElement} form
 * @param {HTMLFormElement} refused
 */
function takePlace(form, refused) {
  const before = [...form.querySelectorAll("[data-drop]")];
  for (const [number, zone] of [...refused.querySelectorAll("[data-drop]")].entries()) {
    const [old, next] = [before[number], zone].map((one) => ({
      input: /** @type {HTMLInputElement} */ (one.querySelector("input[type=file]:not([data-folder])")),
      line: /** @type {HTMLElement} */ (one.querySelector("[data-chosen]")),
    }));
    next.input.files = old.input.files;
    next.input.required = old.input.required;
    next.line.textContent = old.line.textContent;
    zone.toggleAttribute("data-full", before[number].hasAttribute("data-full"));
  }
  form.replaceWith(refused);
}

/** What another answer says is wrong, in a line. @param {XMLHttpRequest} request */
function lineIn(request) {
  const page = pageOf(request);
  const told = page ? page.querySelector("main")?.textContent : request.status ? request.responseText : "";
  return told?.replace(/\s+/g, " ").trim().slice(0, 300) ?? "";
}

/** The page of the answer, if it is one. @param {XMLHttpRequest} request */
function pageOf(request) {
  if (!(request.getResponseHeader("Content-Type") ?? "").includes("html")) return null;
  return new DOMParser().parseFromString(request.responseText, "text/html");
}
