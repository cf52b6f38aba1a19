/**
 * The play page: deals rounds, takes answers, and tells how things stand.
 */

import { mountControls } from "components/controls";
import { mountDialog, openOnce } from "components/dialog";
import { mountLens } from "components/lens";
import { mountNotice } from "components/notice";
import { mountSpeaker } from "components/speaker";
import { mountTable } from "components/table";
import { mountTally } from "components/tally";
import { mountYours } from "components/yours";
import { Dealer } from "lib/dealer";
import { afterFrame } from "lib/frames";
import { buzz } from "lib/motion";
import { askForSync, mountServiceWorker } from "lib/offline";
import { openPostman } from "lib/postman";
import { shelf } from "lib/shelf";
import { stopwatch } from "lib/stopwatch";
import { takeBackLast } from "lib/takeback";
import { takingTurns } from "lib/turns";
import { cutOff, say } from "lib/words";
import { actBehind, verdictsOf, wayOf } from "logic/modes";

/** @typedef {import("logic/modes").Act} Act */
/** @typedef {"loading" | "playing" | "done" | "stuck" | "closed"} State */

const INTRO_KEY = "dopeornope.intro.";
const LETTERS_KEY = "dopeornope.letters.off";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-play]"));
const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
const dialog = (/** @type {string} */ name) => /** @type {HTMLDialogElement} */ (find(`dialog="${name}"`));
const { study = "", deckUrl = "", votesUrl = "", undoUrl = "", yoursUrl = "", workerUrl = "" } = root.dataset;
const mode = /** @type {import("logic/modes").Mode} */ (root.dataset.mode);
const lasting = shelf("localStorage");
const trap = /** @type {HTMLInputElement} */ (find("trap"));
const felt = find("table");

/** So many answers back and no further, as on the server. */
const MOST_UNDONE = 10;

let closed = false;
let undoing = false;
/** What was taken back and not answered again. @type {Set<string>} */
const pending = new Set();
let shown = "";

const postman = await openPostman({
  url: votesUrl,
  sender: newId(),
  shelf: lasting,
  onChange: render,
  onSettled: settled,
  onTrouble: () => void askForSync(),
});
const inherited = new Set(postman.unsent.map((entry) => entry.client_id));
const inTurn = takingTurns();
const watch = stopwatch();
const speaker = mountSpeaker(root, find("live"));
const notice = mountNotice(find("notice"));
const tally = mountTally(find("progress"), Number(root.dataset.answered), lasting);
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
const table = mountTable(felt, {
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
  // People never see this field: whatever stands in it was written by a program.
  extras: () => (trap.value ? { website: trap.value } : {}),
  // @ts-ignore - see templates/voting/early.html
  early: globalThis.earlyDeck,
  answered: postman.unsent.flatMap((entry) => [entry.token, entry.exposure?.token ?? entry.token]),
  onChange: render,
  onClosed: () => (closed = true),
});

/** @param {Act} act @param {import("logic/drag").Motion} [motion] */
async function answer(act, motion) {
  const [top] = dealer.hand;
  if (!top || undoing || closed) return;
  const { exposure } = top;
  const verdicts = verdictsOf(exposure, act, table.picked(exposure.token));
  const shared = { response_ms: watch.read(), at: Date.now(), attempts: 0, study, exposure, act: newId() };
  // Kept before the card flies away: from here on the answer is not lost, whatever happens to this page.
  await postman.accept(verdicts.map((verdict) => ({ ...shared, ...verdict, client_id: newId() })));
  pending.delete(exposure.token);
  table.throwOff(exposure.token, wayOf(act), motion);
  dealer.discard(exposure.token);
  // The next card first, then all that is said about the last one.
  if (dealer.hand.length > 0) showHand();
  else render();
  afterFrame(() => {
    buzz(wayOf(act) === "right" ? 18 : 10);
    tally.add(verdicts.length);
    const occasion = tally.occasion();
    const news = act === "report" ? say("said.report") : occasion;
    if (news) notice.news(news);
    speaker.announce(say(`said.${act}`), shownRound());
    render();
  });
}

/** Tapped: the closer of two, or one that matches. @param {number} choice */
function choose(choice) {
  if (mode === "two") inTurn(() => answer(choice === 0 ? "left" : "right"));
  if (mode !== "grid") return;
  table.toggle(shown, choice);
  buzz(6);
  label();
}

async function undo() {
  if (undoing || closed) return;
  undoing = true;
  render();
  const taken = pending.size < MOST_UNDONE ? await takeBackLast(postman, study, undoUrl) : say("back.far");
  undoing = false;
  if (typeof taken === "string") {
    notice.news(taken);
    speaker.announce(taken);
    render();
    return;
  }
  pending.add(taken.exposure.token);
  const { act, picked } = actBehind(mode, taken.verdicts);
  await dealer.giveBack(taken.exposure);
  table.fetchBack(taken.exposure.token, wayOf(act), picked);
  tally.add(-taken.verdicts.length);
  label();
  speaker.announce(say("back"), shownRound());
}

/** @param {import("logic/outbox").Settled[]} receipts */
function settled(receipts) {
  const here = receipts.filter(({ entry }) => entry.study === study);
  // The page came with the count of what had arrived; what an earlier page left behind is added when it does.
  const late = here.filter(({ entry, status }) => inherited.has(entry.client_id) && status === "recorded");
  const lost = here.filter(({ status }) => !status.endsWith("recorded"));
  if (here.some(({ status }) => status === "closed")) closed = true;
  tally.add(late.length - lost.filter(({ entry }) => !inherited.has(entry.client_id)).length);
  if (lost.length > 0) notice.news(say("refused", { count: lost.length }));
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
  const entered = root.dataset.state !== now;
  root.dataset.state = now;
  notice.trouble(isCutOff() && now !== "stuck" ? cutOff(postman.unsent.length, !navigator.onLine) : "");
  notice.hint(tally.hinting && now === "playing" && !undoing);
  felt.toggleAttribute("data-beckon", mode === "swipe" && tally.hinting && tally.answered === 0);
  if (entered && now !== "playing") speaker.greet(now);
  showHand();
  label();
}

/** The first pair on the table; its time begins, and what can be done with it can be done. */
function showHand() {
  const hand = closed ? [] : dealer.hand;
  table.show(hand);
  controls.update({ playing: hand.length > 0 && !undoing, undo: canUndo() });
  root.dataset.unsent = String(postman.unsent.length);
  const token = hand[0]?.exposure.token ?? "";
  if (token !== shown) watch.restart();
  shown = token;
}

/** What the button that ends a round of a grid says. */
function label() {
  const picked = mode === "grid" ? table.picked(shown).length : 0;
  if (mode === "grid") controls.label(picked > 0 ? say("done.some", { count: picked }) : say("done.none"));
}

function canUndo() {
  return !undoing && !closed && (tally.answered > 0 || postman.unsent.some((entry) => entry.study === study));
}

function shownRound() {
  return say(`shown.${mode}`, { number: tally.answered + 1 });
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const letters = /** @type {HTMLInputElement} */ (find("letters"));
letters.checked = !lasting.read(LETTERS_KEY);
letters.addEventListener("change", () => lasting.write(LETTERS_KEY, !letters.checked));
mountDialog(/** @type {HTMLButtonElement} */ (find("help")), dialog("help"));
// What a study wants people to see before they begin.
const intro = root.querySelector('[data-dialog="intro"]');
if (intro instanceof HTMLDialogElement) openOnce(intro, lasting, `${INTRO_KEY}${study}`);
mountYours(/** @type {HTMLButtonElement} */ (find("yours")), dialog("yours"), {
  url: yoursUrl,
  before: () => postman.deliverAll(),
  days: () => tally.days(),
});
window.addEventListener("online", render);
window.addEventListener("offline", render);
render();
mountServiceWorker(workerUrl);
