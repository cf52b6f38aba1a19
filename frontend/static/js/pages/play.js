/**
 * The play page: deals rounds, takes answers, and tells how things stand.
 */

import { mountControls } from "components/controls";
import { mountDialog } from "components/dialog";
import { mountLens } from "components/lens";
import { mountNotice } from "components/notice";
import { mountProgress } from "components/progress";
import { mountTable } from "components/table";
import { mountYours } from "components/yours";
import { post } from "lib/api";
import { Dealer } from "lib/dealer";
import { buzz } from "lib/motion";
import { askForSync, mountServiceWorker } from "lib/offline";
import { openPostman } from "lib/postman";
import { shelf } from "lib/shelf";
import { stopwatch } from "lib/stopwatch";
import { cutOff, say } from "lib/words";
import { actBehind, roundsOf, verdictsOf, wayOf } from "logic/modes";
import { cameToday, dayOf } from "logic/streak";

/** @typedef {import("logic/modes").Act} Act */
/** @typedef {import("logic/outbox").Entry} Entry */
/** @typedef {"loading" | "playing" | "done" | "stuck" | "closed"} State */

const HINT_KEY = "dopeornope.hint.seen";
const LETTERS_KEY = "dopeornope.letters.off";
const DAYS_KEY = "dopeornope.days";
const HINTED_ANSWERS = 3;
const MILESTONES = new Set([10, 25, 50, 100, 250, 500, 1000]);

const root = /** @type {HTMLElement} */ (document.querySelector("[data-play]"));
const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
const dialog = (/** @type {string} */ name) => /** @type {HTMLDialogElement} */ (find(`dialog="${name}"`));
const { study = "", deckUrl = "", votesUrl = "", undoUrl = "", yoursUrl = "", workerUrl = "" } = root.dataset;
const mode = /** @type {import("logic/modes").Mode} */ (root.dataset.mode);
const lasting = shelf("localStorage");

let answered = Number(root.dataset.answered);
let hinting = answered < HINTED_ANSWERS && !lasting.read(HINT_KEY);
let closed = false;
let undoing = false;
let shown = "";
/** What was asked for last; the next thing begins when it is done. */
let turn = Promise.resolve();

const postman = await openPostman({
  url: votesUrl,
  sender: newId(),
  shelf: lasting,
  onChange: render,
  onSettled: settled,
  onTrouble: () => void askForSync(),
});
const inherited = new Set(postman.unsent.map((entry) => entry.client_id));
const watch = stopwatch();
const live = find("live");
const notice = mountNotice(find("notice"));
const progress = mountProgress(find("progress"));
const lens = mountLens(dialog("lens"));
const controls = mountControls(find("controls"), {
  mode,
  letters: () => !lasting.read(LETTERS_KEY),
  onAction: (action) => {
    if (action === "zoom") table.lookAt(shown);
    else inTurn(() => (action === "undo" ? undo() : answer(action)));
  },
  onChoice: choose,
});
const table = mountTable(find("table"), {
  template: /** @type {HTMLTemplateElement} */ (root.querySelector(":scope > template")),
  mode,
  onSwipe: (verdict, motion) => inTurn(() => answer(verdict, motion)),
  onChoice: choose,
  onLens: (pictures, index) => lens.open(pictures, index),
});
const dealer = new Dealer({
  url: deckUrl,
  study,
  shelf: shelf("sessionStorage"),
  lasting,
  answered: postman.unsent.flatMap((entry) => [entry.token, entry.exposure?.token ?? entry.token]),
  onChange: render,
  onClosed: () => (closed = true),
});

/** @param {() => Promise<void>} work */
function inTurn(work) {
  turn = turn.then(work, work);
}

/** @param {Act} act @param {import("logic/drag").Motion} [motion] */
async function answer(act, motion) {
  const [top] = dealer.hand;
  if (!top || undoing || closed) return;
  const { exposure } = top;
  const verdicts = verdictsOf(exposure, act, table.picked(exposure.token));
  const shared = { response_ms: watch.read(), at: Date.now(), attempts: 0, study, exposure, act: newId() };
  // Kept before the card flies away: from here on the answer is not lost, whatever happens to this page.
  await postman.accept(verdicts.map((verdict) => ({ ...shared, ...verdict, client_id: newId() })));
  table.throwOff(exposure.token, wayOf(act), motion);
  buzz(wayOf(act) === "right" ? 18 : 10);
  count(verdicts.length);
  cheer(act);
  dealer.discard(exposure.token);
  announce(say(`said.${act}`), shownRound());
}

/** Tapped: the closer of two, or one that matches. @param {number} choice */
function choose(choice) {
  if (mode === "two") inTurn(() => answer(choice === 0 ? "left" : "right"));
  if (mode !== "grid") return;
  table.toggle(shown, choice);
  buzz(6);
  label();
}

/** @param {Act} act */
function cheer(act) {
  const days = /** @type {import("logic/streak").Days} */ (cameToday(lasting.read(DAYS_KEY), dayOf(new Date())));
  lasting.write(DAYS_KEY, days);
  if (act === "report") notice.news(say("said.report"));
  else if (MILESTONES.has(answered)) notice.news(say("milestone", { count: answered }));
  else if (days.fresh && days.row > 1) notice.news(say("days", { count: days.row }));
}

async function undo() {
  if (undoing || closed) return;
  undoing = true;
  render();
  const taken = await lastAnswer();
  undoing = false;
  if (typeof taken === "string") {
    notice.news(taken);
    announce(taken);
    render();
    return;
  }
  const { act, picked } = actBehind(mode, taken.verdicts);
  await dealer.giveBack(taken.exposure);
  table.fetchBack(taken.exposure.token, wayOf(act), picked);
  count(-taken.verdicts.length);
  label();
  announce(say("back"), shownRound());
}

/**
 * The last answer, taken back: from the outbox while it lies there, else from the server.
 * @returns {Promise<{exposure: import("logic/deck").Exposure, verdicts: import("logic/outbox").Verdict[]} | string>}
 *   or why there is none
 */
async function lastAnswer() {
  const unsent = await postman.takeBack(study);
  if (unsent.length > 0) return { exposure: unsent[0].exposure, verdicts: unsent.map(({ verdict }) => verdict) };
  // The server takes back the newest answer it knows, so it must know all of them first.
  if (postman.unsent.length > 0 && !(await postman.deliverAll())) return say("back.cut");
  try {
    const [undone] = roundsOf(await post(undoUrl, { n: 1, study }));
    if (!undone) return say("back.none");
    const { verdict, ...exposure } = /** @type {any} */ (undone);
    return { exposure, verdicts: exposure.candidates?.map((/** @type {any} */ one) => one.verdict) ?? [verdict] };
  } catch {
    return say("back.cut");
  }
}

/** @param {import("logic/outbox").Settled[]} receipts */
function settled(receipts) {
  const here = receipts.filter(({ entry }) => entry.study === study);
  // The page came with the count of what had arrived; what an earlier page left behind is added when it does.
  const late = here.filter(({ entry, status }) => inherited.has(entry.client_id) && status === "recorded");
  const lost = here.filter(({ status }) => !status.endsWith("recorded"));
  if (here.some(({ status }) => status === "closed")) closed = true;
  count(late.length - lost.filter(({ entry }) => !inherited.has(entry.client_id)).length);
  if (lost.length > 0) notice.news(say("refused", { count: lost.length }));
}

/** @param {number} more */
function count(more) {
  answered = Math.max(0, answered + more);
  if (answered >= HINTED_ANSWERS && hinting) {
    hinting = false;
    lasting.write(HINT_KEY, true);
  }
  progress.update(answered);
}

/** @returns {State} */
function state() {
  if (closed) return "closed";
  if (dealer.hand.length > 0) return "playing";
  if (dealer.isExhausted) return "done";
  return isCutOff() ? "stuck" : "loading";
}

function isCutOff() {
  return !navigator.onLine || postman.isCutOff || dealer.isCutOff;
}

function render() {
  const now = state();
  const hand = now === "playing" ? dealer.hand : [];
  const entered = root.dataset.state !== now;
  root.dataset.state = now;
  root.dataset.unsent = String(postman.unsent.length);
  table.show(hand);
  const playing = now === "playing" && !undoing;
  controls.update({ playing, undo: canUndo() });
  notice.trouble(isCutOff() && now !== "stuck" ? cutOff(postman.unsent.length, !navigator.onLine) : "");
  notice.hint(hinting && playing);
  find("table").toggleAttribute("data-beckon", mode === "swipe" && hinting && answered === 0);
  if (entered && now !== "playing") greet(now);
  const token = hand[0]?.exposure.token ?? "";
  if (token !== shown) watch.restart();
  shown = token;
  label();
}

/** What the button that ends a round of a grid says. */
function label() {
  const picked = mode === "grid" ? table.picked(shown).length : 0;
  if (mode === "grid") controls.label(picked > 0 ? say("done.some", { count: picked }) : say("done.none"));
}

function canUndo() {
  return !undoing && !closed && (answered > 0 || postman.unsent.some((entry) => entry.study === study));
}

/**
 * Something else than a round is shown: say it, and put the focus there if it was on what is now gone.
 * @param {State} now
 */
function greet(now) {
  const panel = root.querySelector(`[data-panel="${now}"]`);
  const heading = /** @type {HTMLElement | null} */ (panel?.querySelector("h2"));
  if (!heading) return;
  announce(heading.textContent ?? "");
  if (document.activeElement !== document.body) heading.focus();
}

function shownRound() {
  return say(`shown.${mode}`, { number: answered + 1 });
}

/** @param {...string} sentences */
function announce(...sentences) {
  live.textContent = sentences.join(" ");
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const letters = /** @type {HTMLInputElement} */ (find("letters"));
letters.checked = !lasting.read(LETTERS_KEY);
letters.addEventListener("change", () => lasting.write(LETTERS_KEY, !letters.checked));
mountDialog(/** @type {HTMLButtonElement} */ (find("help")), dialog("help"));
mountYours(/** @type {HTMLButtonElement} */ (find("yours")), dialog("yours"), {
  url: yoursUrl,
  before: () => postman.deliverAll(),
  days: () => cameToday(lasting.read(DAYS_KEY), dayOf(new Date())).row,
});
window.addEventListener("online", render);
window.addEventListener("offline", render);
progress.update(answered);
render();
mountServiceWorker(workerUrl);
