/**
 * The play page: deals rounds, takes answers, and tells how things stand.
 */

import { mountControls } from "components/game/controls";
import { mountDialog, openOnce } from "components/dialog";
import { mountLens } from "components/game/lens";
import { mountMoment } from "components/game/moment";
import { mountNotice } from "components/notice";
import { mountLiveRegion } from "components/live_region";
import { mountTable } from "components/game/table";
import { mountTally } from "components/game/tally";
import { mountMyVotes } from "components/game/my_votes";
import { mountShareButtons } from "components/share_button";
import { Dealer } from "lib/dealer";
import { afterFrame } from "lib/after_frame";
import { get } from "lib/api";
import { buzz } from "lib/motion";
import { isOffline, watchNetwork } from "lib/network";
import { askForSync, mountServiceWorker } from "lib/outbox/background_sync";
import { openOutboxSender } from "lib/outbox/sender";
import { safeStorage } from "lib/safe_storage";
import { stopwatch } from "lib/stopwatch";
import { takeBackLast } from "lib/outbox/take_back";
import { serialQueue } from "lib/serial_queue";
import { cutOff, say } from "lib/texts";
import { countFrom, isTimeToLook, roundsIn } from "logic/milestones";
import { actBehind, verdictsOf, wayOf } from "logic/modes";

/** @typedef {import("logic/modes").Act} Act */
/** @typedef {"loading" | "playing" | "done" | "stuck" | "closed"} State */

const INTRO_KEY = "dopeornope.intro.";
const LETTERS_KEY = "dopeornope.letters.off";
const COUNT_KEY = "dopeornope.count.";
const REVEALED_KEY = "dopeornope.revealed.";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-play]"));
const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
const dialog = (/** @type {string} */ name) => /** @type {HTMLDialogElement} */ (find(`dialog="${name}"`));
const { study = "", deckUrl = "", votesUrl = "", undoUrl = "", yoursUrl = "", workerUrl = "" } = root.dataset;
const mode = /** @type {import("logic/modes").Mode} */ (root.dataset.mode);
const lasting = safeStorage("localStorage");
const trap = /** @type {HTMLInputElement} */ (find("trap"));
const felt = find("table");

/** So many answers back and no further: what the server goes by. */
const mostUndone = Number(root.dataset.mostUndone);

let closed = false;
let undoing = false;
/** What was taken back and not answered again. @type {Set<string>} */
const pending = new Set();
let shown = "";

const sender = await openOutboxSender({
  url: votesUrl,
  sender: newId(),
  storage: lasting,
  onChange: render,
  onSettled: settled,
  onTrouble: () => void askForSync(),
});
const inherited = new Set(sender.unsent.map((entry) => entry.client_id));
const inTurn = serialQueue();
const inOrder = serialQueue();
const watch = stopwatch();
const liveRegion = mountLiveRegion(root, find("live"));
const notice = mountNotice(find("notice"), /** @type {HTMLButtonElement} */ (find("slip")));
const moment = mountMoment(find("moment"));
const { answered: told = "0", stamp = "" } = root.dataset;
const waiting = roundsIn(sender.unsent.filter((entry) => entry.study === study));
const countKey = `${COUNT_KEY}${study}`;
const tally = mountTally(
  find("progress"),
  countFrom(Number(told), stamp, lasting.read(countKey), waiting),
  lasting,
  (count) => lasting.write(countKey, { stamp, count }),
);
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
  storage: safeStorage("sessionStorage"),
  lasting,
  // People never see this field: whatever stands in it was written by a program.
  extras: () => (trap.value ? { website: trap.value } : {}),
  // @ts-ignore - see templates/voting/early.html
  early: globalThis.earlyDeck,
  answered: sender.unsent.flatMap((entry) => [entry.token, entry.exposure?.token ?? entry.token]),
  onChange: render,
  onClosed: () => (closed = true),
});

/** @param {Act} act @param {import("logic/drag").Motion} [motion] */
async function answer(act, motion) {
  const [top] = dealer.hand;
  if (!top || undoing || closed) return;
  const { exposure } = top;
  const verdicts = verdictsOf(exposure, act, mode === "grid" ? table.picked(exposure.token) : []);
  const shared = { response_ms: watch.read(), at: Date.now(), attempts: 0, study, exposure, act: newId() };
  // Kept before the card flies away: from here on the answer is not lost, whatever happens to this page.
  await sender.accept(verdicts.map((verdict) => ({ ...shared, ...verdict, client_id: newId() })));
  pending.delete(exposure.token);
  table.throwOff(exposure.token, wayOf(act), motion);
  dealer.discard(exposure.token);
  // The next card first, then all that is said about the last one.
  if (dealer.hand.length > 0) showHand();
  else render();
  afterFrame(() => {
    buzz(wayOf(act) === "right" ? 18 : 10);
    tally.add(1);
    const { milestone, text } = tally.occasion();
    if (act === "report") notice.news(say("said.report"), true);
    else if (text) notice.news(text);
    if (milestone) moment.show(milestone);
    render();
    // What is shown instead of a next pair says so itself.
    if (dealer.hand.length > 0) liveRegion.announce(say(`said.${act}`), text, shownRound());
    else liveRegion.greet(state(), say(`said.${act}`));
    if (isTimeToLook(tally.answered) || dealer.isExhausted) void reveal();
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

const tooFarBack = () => say("back.far", { count: mostUndone });

async function undo() {
  if (undoing || closed) return;
  undoing = true;
  render();
  const taken = pending.size < mostUndone ? await takeBackLast(sender, study, undoUrl) : tooFarBack();
  undoing = false;
  if (typeof taken === "string") {
    notice.news(taken);
    liveRegion.announce(taken);
    render();
    return;
  }
  pending.add(taken.exposure.token);
  const { act, picked } = actBehind(mode, taken.verdicts);
  await dealer.giveBack(taken.exposure);
  table.fetchBack(taken.exposure.token, wayOf(act), picked);
  tally.add(-1);
  label();
  notice.news(say("back"));
  liveRegion.announce(say("back"), shownRound());
}

/** @param {import("logic/outbox").Settled[]} receipts */
function settled(receipts) {
  const here = receipts.filter(({ entry }) => entry.study === study);
  const lost = here.filter(({ status }) => !status.endsWith("recorded"));
  if (here.some(({ status }) => status === "closed")) closed = true;
  const rounds = roundsIn(lost.map(({ entry }) => entry));
  if (rounds > 0) tally.add(-rounds);
  if (lost.length > 0) notice.news(say("refused", { count: lost.length }));
  // Counted as waiting when the page began, and it had arrived after all: before the page was made, and then the page
  // counts it as well, or since.
  const isInDoubt = here.some(({ entry, status }) => inherited.has(entry.client_id) && status === "already_recorded");
  if (isInDoubt) void inOrder(recount);
}

/** Count as the server does, once it knows all that was said. */
async function recount() {
  try {
    await sender.deliverAll();
    const counted = tally.answered;
    const { answered } = await get(yoursUrl);
    tally.add(answered - counted);
    render();
  } catch {
    // Without an answer the count stands; the next page is told it anew.
  }
}

/** What the crowd thinks of the same pairs, told once, as soon as there is something to tell. */
async function reveal() {
  if (lasting.read(`${REVEALED_KEY}${study}`) || document.querySelector("dialog[open]") || isCutOff()) return;
  if (await mine.reveal()) lasting.write(`${REVEALED_KEY}${study}`, true);
}

/** @returns {State} */
function state() {
  if (closed) return "closed";
  if (dealer.hand.length > 0) return "playing";
  if (dealer.isExhausted) return "done";
  return isCutOff() ? "stuck" : "loading";
}

function isCutOff() {
  return isOffline() || sender.isCutOff || dealer.isCutOff;
}

function render() {
  const now = state();
  const entered = root.dataset.state !== now;
  root.dataset.state = now;
  notice.trouble(isCutOff() && now !== "stuck" ? cutOff(sender.unsent.length, isOffline()) : "");
  notice.hint(tally.hinting && now === "playing" && !undoing);
  felt.toggleAttribute("data-beckon", mode === "swipe" && tally.hinting && tally.answered === 0);
  if (entered && now !== "playing") liveRegion.greet(now);
  // A pair that was waited for says that it has come.
  if (entered && now === "playing") liveRegion.announce(shownRound());
  showHand();
  label();
}

/** The first pair on the table; its time begins, and what can be done with it can be done. */
function showHand() {
  const hand = closed ? [] : dealer.hand;
  table.show(hand);
  controls.update({ playing: hand.length > 0 && !undoing, undo: canUndo() });
  root.dataset.unsent = String(sender.unsent.length);
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
  return !undoing && !closed && (tally.answered > 0 || sender.unsent.some((entry) => entry.study === study));
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
const mine = mountMyVotes(/** @type {HTMLButtonElement} */ (find("yours")), dialog("yours"), {
  url: yoursUrl,
  before: () => sender.deliverAll(),
  days: () => tally.days(),
});
find("slip").addEventListener("click", () => inTurn(undo));
mountShareButtons(root);
window.addEventListener("online", render);
window.addEventListener("offline", render);
watchNetwork();
render();
mountServiceWorker(workerUrl);
