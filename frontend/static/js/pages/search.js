/**
 * Photo in, items out: choose a photo, draw a box, look at what is nearest, say dope or nope, refine.
 */

import { mountAnswers } from "components/answers";
import { mountCrop } from "components/crop";
import { awaitPictures } from "lib/images/late_pictures";
import { smallPhoto } from "lib/images/photo";
import { serialQueue } from "lib/serial_queue";
import { percent, say } from "lib/texts";
import { inPixels, inShares, isWhole } from "logic/crop";
import { chips, judged, keysOf, lastJudged, nothingChosen, toggled } from "logic/search";

/** @typedef {import("components/answers").Answer} Answer */

const MOST_CHIPS = 12;
const MOST_SUGGESTIONS = 5;
const PATIENCE_MS = 15_000;

const root = /** @type {HTMLElement} */ (document.querySelector("[data-search]"));
const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
const urls = /** @type {Record<string, string>} */ ({ ...root.dataset });
const token = /** @type {HTMLInputElement} */ (root.querySelector("[name=csrfmiddlewaretoken]")).value;
const consent = /** @type {HTMLInputElement | null} */ (root.querySelector("[data-consent]"));
const grouped = /** @type {HTMLInputElement} */ (part("grouped"));

awaitPictures(root);

let choice = nothingChosen();
/** @type {{ canvas: HTMLCanvasElement, blob: Blob } | null} */
let photo = null;
/** @type {Answer | null} */
let item = null;
let question = "";
let turn = 0;
/** Parts of the photo that may be meant; null before they were asked for. @type {import("logic/crop").Box[] | null} */
let suggested = null;
/** What is said is sent one after the other: taken back must not arrive before it was said. */
const inTurn = serialQueue();
/** What was said to the answers that a refinement begins with. */
let refined = { like: /** @type {string[]} */ ([]), unlike: /** @type {string[]} */ ([]) };

const crop = mountCrop(part("crop"), {
  say: (box) =>
    isWhole(box)
      ? say("box.whole")
      : say("box", {
          left: percent(box.x1),
          top: percent(box.y1),
          width: percent(box.x2 - box.x1),
          height: percent(box.y2 - box.y1),
        }),
  onChange: (box) => {
    part("uncrop").toggleAttribute("hidden", isWhole(box));
    showSuggestions();
  },
  onDone: () => void search(),
});
const answers = mountAnswers(part("answers"), /** @type {HTMLTemplateElement} */ (part("card")), {
  judge,
  undo: () => {
    const last = lastJudged(choice);
    const verdict = last === undefined ? undefined : choice.verdicts.get(last);
    if (last !== undefined && verdict) judge(last, verdict);
  },
  more: (answer) => void moreLike(answer),
  name: (answer, rank) => [say("answer", { rank }), answer.category].filter(Boolean).join(", "),
});

/** @param {Blob | null | undefined} file */
async function take(file) {
  if (!file) return;
  root.dataset.state = "busy";
  tell(say("reading"));
  try {
    photo = await smallPhoto(file);
  } catch {
    root.dataset.state = "idle";
    tell(say("unreadable"), true);
    return;
  }
  item = null;
  choice = nothingChosen();
  root.dataset.asked = "";
  suggested = null;
  part("crop").hidden = false;
  part("from").hidden = true;
  crop.open(photo.canvas);
  await search();
}

/** @param {Answer} answer */
async function moreLike(answer) {
  item = answer;
  root.dataset.asked = "";
  refined = { like: [], unlike: [] };
  choice = { ...nothingChosen(), filters: choice.filters };
  part("crop").hidden = true;
  part("from").hidden = false;
  const picture = /** @type {HTMLImageElement} */ (part("from").querySelector("img"));
  picture.src = answer.image;
  picture.alt = answer.category;
  part("from-words").textContent = say("like", { name: answer.category || say("this") });
  await search();
  part("from").scrollIntoView({ block: "start" });
  part("results").focus({ preventScroll: true });
}

/** Ask again with everything that is chosen. */
async function search() {
  if (!photo && !item) return;
  const mine = ++turn;
  root.dataset.state = "busy";
  tell(say("searching"));
  try {
    const found = item ? await ask(urls.itemUrl, itemWords()) : await ask(urls.photoUrl, photoForm());
    if (mine !== turn) return;
    show(found);
  } catch (error) {
    if (mine !== turn) return;
    root.dataset.state = "failed";
    tell(error instanceof Error && error.message ? error.message : say("failed"), true);
  }
}

function itemWords() {
  const words = { key: item?.key, filters: choice.filters, group: group(), ...refined };
  return JSON.stringify(words);
}

function photoForm() {
  const form = new FormData();
  const { canvas, blob } = /** @type {{ canvas: HTMLCanvasElement, blob: Blob }} */ (photo);
  form.append("photo", blob, "photo.jpg");
  form.append("box", inPixels(crop.box, canvas.width, canvas.height));
  form.append("filters", JSON.stringify(choice.filters));
  form.append("group", group());
  // Where the thing may be is asked once, with the whole photo.
  if (isWhole(crop.box) && !suggested) form.append("suggest", "true");
  if (consent?.checked) form.append("keep", "true");
  for (const key of refined.like) form.append("like", key);
  for (const key of refined.unlike) form.append("unlike", key);
  return form;
}

const group = () => (grouped.checked ? "product" : "");

/**
 * @param {string} url @param {string | FormData} body
 * @returns {Promise<any>}
 */
async function ask(url, body) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  let answer;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    answer = await fetch(url, { method: "POST", headers, body, credentials: "same-origin", signal });
  } catch {
    throw new Error(say("offline"));
  }
  const told = await answer.json().catch(() => null);
  if (answer.ok && told) return told;
  throw new Error(say(`error.${told?.error?.code ?? "failed"}`));
}

/** @param {any} found */
function show(found) {
  question = found.question;
  answers.show(found.answers);
  answers.mark(choice.verdicts);
  root.dataset.state = found.answers.length ? "found" : "empty";
  root.dataset.by = found.by;
  part("baseline").hidden = found.by === "vectors";
  tell([say("found", { count: found.answers.length }), guessWords(found.guess)].filter(Boolean).join(" "));
  showFilters(found.facets);
  if (found.by === "vectors" && photo && !item && isWhole(crop.box) && !suggested) suggest(found.regions);
  showSuggestions();
  part("refine").hidden = choice.verdicts.size === 0;
}

/** @typedef {{ value: string | null, confidence: number | null }} Guess */
/** @param {{ category: Guess | null } | null} guess what kind of thing it is, and how sure that is */
function guessWords(guess) {
  const kind = guess?.category;
  if (!kind) return "";
  if (kind.value === null) return kind.confidence === null ? "" : say("guess.none");
  if (kind.confidence === null) return say("guess", { name: kind.value });
  return say("guess.sure", { name: kind.value, percent: percent(kind.confidence) });
}

/** @param {Record<string, Record<string, number>>} facets */
function showFilters(facets) {
  const columns = [...new Set([...Object.keys(facets), ...Object.keys(choice.filters)])].sort();
  const rows = columns.map((column) => {
    const row = /** @type {DocumentFragment} */ (
      /** @type {HTMLTemplateElement} */ (part("facet")).content.cloneNode(true)
    );
    const set = /** @type {HTMLElement} */ (row.firstElementChild);
    const name = column.replace(/^attributes\./, "");
    const words = say(`column.${name}`);
    // An attribute has the name that its owner gave it.
    /** @type {HTMLElement} */ (set.querySelector("legend")).textContent = words.startsWith("column.") ? name : words;
    const list = /** @type {HTMLElement} */ (set.querySelector("[data-chips]"));
    for (const { name: value, count, on } of chips(facets[column] ?? {}, choice.filters[column] ?? [], MOST_CHIPS)) {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "chip chip--button";
      chip.dataset.column = column;
      chip.dataset.value = value;
      chip.setAttribute("aria-pressed", String(on));
      chip.append(value, " ");
      const number = document.createElement("span");
      number.className = "soft number";
      number.textContent = String(count);
      chip.append(number);
      list.append(chip);
    }
    return set;
  });
  const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset : {};
  part("filters").replaceChildren(...rows);
  if (held.column) {
    const same = [...part("filters").querySelectorAll("button")].find(
      (chip) => chip.dataset.column === held.column && chip.dataset.value === held.value,
    );
    same?.focus();
  }
  part("filters-frame").hidden = rows.length === 0;
}

/** @param {string} key @param {"dope" | "nope"} verdict */
function judge(key, verdict) {
  choice = judged(choice, key, verdict);
  answers.mark(choice.verdicts);
  const said = choice.verdicts.get(key);
  part("live").textContent = say(said ? `said.${said}` : "said.undone");
  part("refine").hidden = choice.verdicts.size === 0;
  const told = [{ item: key, verdict: said ?? "undo" }];
  const about = question;
  inTurn(() => send(about, told));
}

/** Whether it arrives or not, the visitor goes on; once more is tried. @param {string} about @param {object[]} said */
async function send(about, said) {
  const body = JSON.stringify({ question: about, answers: said });
  for (const wait of [0, 2000]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      await ask(urls.feedbackUrl, body);
      return;
    } catch {
      continue;
    }
  }
}

/** Each suggestion is a tap away while the whole photo is searched with; none is ever forced. */
function showSuggestions() {
  part("suggestions").toggleAttribute("hidden", !suggested?.length || !isWhole(crop.box));
}

/** @param {{ box: number[], label: string }[]} regions */
function suggest(regions) {
  const { width, height } = /** @type {{ canvas: HTMLCanvasElement }} */ (photo).canvas;
  suggested = regions.slice(0, MOST_SUGGESTIONS).map(({ box }) => inShares(box, width, height));
  const buttons = suggested.map((box, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--small";
    button.textContent = regions.length === 1 ? say("region") : say("region.numbered", { number: index + 1 });
    button.addEventListener("click", () => crop.take(box));
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => crop.hint(box));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => crop.hint(null));
    return button;
  });
  part("suggestions").replaceChildren(...buttons);
}

/** @param {string} words @param {boolean} [bad] */
function tell(words, bad = false) {
  const status = part("status");
  status.textContent = words;
  status.classList.toggle("notice--bad", bad);
}

for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("input[type=file]"))) {
  input.addEventListener("change", () => {
    refined = { like: [], unlike: [] };
    void take(input.files?.[0]);
    input.value = "";
  });
}
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
  if (file) void take(file);
});
root.addEventListener("dragover", (event) => event.preventDefault());
root.addEventListener("drop", (event) => {
  event.preventDefault();
  void take([...(event.dataTransfer?.files ?? [])].find((one) => one.type.startsWith("image/")));
});
part("uncrop").addEventListener("click", () => crop.whole());
part("filters").addEventListener("click", (event) => {
  const chip = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-value]"));
  if (!chip) return;
  choice = toggled(choice, chip.dataset.column ?? "", chip.dataset.value ?? "");
  void search();
});
part("refine").addEventListener("click", async () => {
  refined = { like: keysOf(choice, "dope"), unlike: keysOf(choice, "nope") };
  await search();
  part("results").scrollIntoView({ block: "start" });
  part("results").focus({ preventScroll: true });
});
part("back").addEventListener("click", () => {
  item = null;
  refined = { like: [], unlike: [] };
  part("from").hidden = true;
  part("crop").hidden = !photo;
  void search();
});
grouped.addEventListener("change", () => void search());
root.dataset.ready = "";
const start = /** @type {HTMLElement} */ (part("start"));
if (start.dataset.key) {
  void moreLike({
    key: start.dataset.key,
    category: start.dataset.category ?? "",
    product: "",
    image: start.dataset.image ?? "",
    width: 1,
    height: 1,
    attributes: {},
  });
}
