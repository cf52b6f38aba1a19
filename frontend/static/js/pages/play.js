/**
 * The play page: deals pairs, takes answers, and tells how things stand.
 */

import { mountControls } from "components/controls";
import { mountDialog } from "components/dialog";
import { mountNotice } from "components/notice";
import { mountProgress } from "components/progress";
import { mountTable } from "components/table";
import { post } from "lib/api";
import { Dealer } from "lib/dealer";
import { buzz } from "lib/motion";
import { askForSync, mountServiceWorker } from "lib/offline";
import { openPostman } from "lib/postman";
import { shelf } from "lib/shelf";
import { stopwatch } from "lib/stopwatch";
import * as words from "lib/words";

/** @typedef {import("logic/outbox").Verdict} Verdict */
/** @typedef {"loading" | "playing" | "done" | "stuck" | "closed"} State */

const HINT_KEY = "dopeornope.hint.seen";
const HINTED_ANSWERS = 3;

const root = /** @type {HTMLElement} */ (document.querySelector("[data-play]"));
const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
const { study = "", deckUrl = "", votesUrl = "", undoUrl = "", workerUrl = "" } = root.dataset;
const lasting = shelf("localStorage");

let answered = Number(root.dataset.answered);
let hinting = answered < HINTED_ANSWERS && !lasting.read(HINT_KEY);
let closed = false;
let undoing = false;
let shown = "";

const watch = stopwatch();
const live = find("live");
const notice = mountNotice(find("notice"));
const progress = mountProgress(find("progress"));
const postman = await openPostman({
  url: votesUrl,
  sender: newId(),
  shelf: lasting,
  onChange: render,
  onSettled: settled,
  onTrouble: () => void askForSync(),
});
const controls = mountControls(find("controls"), (action) => inTurn(() => (action === "undo" ? undo() : answer(action))));
const table = mountTable(find("table"), {
  template: /** @type {HTMLTemplateElement} */ (root.querySelector("template")),
  onSwipe: (verdict, motion) => inTurn(() => answer(verdict, motion)),
});
const inherited = new Set(postman.unsent.map((entry) => entry.client_id));
const dealer = new Dealer({
  url: deckUrl,
  study,
  shelf: shelf("sessionStorage"),
  lasting,
  answered: postman.unsent.map((entry) => entry.token),
  onChange: render,
  onClosed: () => (closed = true),
});

/** What was asked for last; the next thing begins when it is done. */
let turn = Promise.resolve();

/** @param {() => Promise<void>} work */
function inTurn(work) {
  turn = turn.then(work, work);
}

/** @param {Verdict} verdict @param {import("logic/drag").Motion} [motion] */
async function answer(verdict, motion) {
  const [top] = dealer.hand;
  if (!top || undoing || closed) return;
  const { exposure } = top;
  // Kept before the card flies away: from here on the answer is not lost, whatever happens to this page.
  await postman.accept([
    {
      client_id: newId(),
      token: exposure.token,
      verdict,
      response_ms: watch.read(),
      at: Date.now(),
      attempts: 0,
      study,
      exposure,
    },
  ]);
  table.throwOff(exposure.token, verdict, motion);
  buzz(verdict === "dope" ? 18 : 10);
  count(1);
  notice.news(verdict === "report" ? words.SAID.report : words.milestone(answered));
  dealer.discard(exposure.token);
  announce(words.SAID[verdict], words.shownPair(answered + 1));
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
  await dealer.giveBack(taken.exposure);
  table.fetchBack(taken.exposure.token, taken.verdict);
  count(-1);
  announce(words.TAKEN_BACK, words.shownPair(answered + 1));
}

/**
 * The last answer, taken back: from the outbox while it lies there, else from the server.
 * @returns {Promise<{exposure: import("logic/deck").Exposure, verdict: Verdict} | string>} or why there is none
 */
async function lastAnswer() {
  const [unsent] = await postman.takeBack(study);
  if (unsent) return unsent;
  // The server takes back the newest answer it knows, so it must know all of them first.
  if (postman.unsent.length > 0 && !(await postman.deliverAll())) return words.CANNOT_TAKE_BACK;
  try {
    const { exposures } = await post(undoUrl, { n: 1, study });
    return exposures.length > 0 ? split(exposures[0]) : words.NOTHING_TO_TAKE_BACK;
  } catch {
    return words.CANNOT_TAKE_BACK;
  }
}

/** @param {import("logic/deck").Exposure & {verdict: Verdict}} undone */
function split({ verdict, ...exposure }) {
  return { verdict, exposure };
}

/** @param {import("lib/postman").Settled[]} receipts */
function settled(receipts) {
  const here = receipts.filter(({ entry }) => entry.study === study);
  // The page came with the count of what had arrived; what an earlier page left behind is added when it does.
  const late = here.filter(({ entry, status }) => inherited.has(entry.client_id) && status === "recorded");
  const lost = here.filter(({ status }) => !status.endsWith("recorded"));
  if (here.some(({ status }) => status === "closed")) closed = true;
  count(late.length - lost.filter(({ entry }) => !inherited.has(entry.client_id)).length);
  if (lost.length > 0) notice.news(words.refused(lost.length));
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
  controls.update({ dope: playing, nope: playing, skip: playing, report: playing, undo: canUndo() });
  notice.trouble(isCutOff() && now !== "stuck" ? words.cutOff(postman.unsent.length, !navigator.onLine) : "");
  notice.hint(hinting && playing);
  find("table").toggleAttribute("data-beckon", hinting && answered === 0);
  if (entered && now !== "playing") greet(now);
  const token = hand[0]?.exposure.token ?? "";
  if (token !== shown) watch.restart();
  shown = token;
}

function canUndo() {
  return !undoing && !closed && (answered > 0 || postman.unsent.some((entry) => entry.study === study));
}

/**
 * Something else than a pair is shown: say it, and put the focus there if it was on what is now gone.
 * @param {State} now
 */
function greet(now) {
  const panel = root.querySelector(`[data-panel="${now}"]`);
  const heading = /** @type {HTMLElement | null} */ (panel?.querySelector("h2"));
  if (!heading) return;
  announce(heading.textContent ?? "");
  if (document.activeElement !== document.body) heading.focus();
}

/** @param {...string} sentences */
function announce(...sentences) {
  live.textContent = sentences.join(" ");
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

mountDialog(
  /** @type {HTMLButtonElement} */ (find("help")),
  /** @type {HTMLDialogElement} */ (root.querySelector("dialog")),
);
window.addEventListener("online", render);
window.addEventListener("offline", render);
progress.update(answered);
render();
mountServiceWorker(workerUrl);
