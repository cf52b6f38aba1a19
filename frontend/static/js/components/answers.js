/**
 * The answers of a search as cards: a picture, dope and nope, and "more like this".
 */

/** @typedef {{ key: string, category: string, product: string, image: string, width: number, height: number,
 *   attributes: Record<string, string> }} Answer */
/** @typedef {"dope" | "nope"} Verdict */

const KEYS = /** @type {Record<string, Verdict>} */ ({ ArrowRight: "dope", ArrowLeft: "nope" });

/**
 * @param {HTMLElement} list
 * @param {HTMLTemplateElement} template of one card
 * @param {{ judge: (key: string, verdict: Verdict) => void, undo: () => void, more: (answer: Answer) => void,
 *   name: (answer: Answer, rank: number) => string }} options
 */
export function mountAnswers(list, template, { judge, undo, more, name }) {
  /** @type {Map<string, Answer>} */
  let shown = new Map();

  /** @param {Event} event */
  function answerOf(event) {
    const card = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-key]"));
    return card && shown.get(card.dataset.key ?? "");
  }

  list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const answer = answerOf(event);
    if (!button || !answer) return;
    if (button.dataset.verdict) judge(answer.key, /** @type {Verdict} */ (button.dataset.verdict));
    else if ("more" in button.dataset) more(answer);
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const answer = answerOf(event);
    const verdict = KEYS[event.key];
    if (verdict && answer) {
      event.preventDefault();
      judge(answer.key, verdict);
    } else if (event.key.toLowerCase() === "z") undo();
  });

  return {
    /** @param {Answer[]} answers */
    show(answers) {
      shown = new Map(answers.map((answer) => [answer.key, answer]));
      list.replaceChildren(...answers.map((answer, index) => card(template, answer, name(answer, index + 1))));
    },
    /** @param {Map<string, Verdict>} verdicts */
    mark(verdicts) {
      for (const one of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-key]"))) {
        const verdict = verdicts.get(one.dataset.key ?? "");
        one.dataset.said = verdict ?? "";
        for (const button of /** @type {NodeListOf<HTMLElement>} */ (one.querySelectorAll("[data-verdict]"))) {
          button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
        }
      }
    },
  };
}

/** @param {HTMLTemplateElement} template @param {Answer} answer @param {string} words */
function card(template, answer, words) {
  const part = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const root = /** @type {HTMLElement} */ (part.firstElementChild);
  root.dataset.key = answer.key;
  const picture = /** @type {HTMLImageElement} */ (root.querySelector("img"));
  picture.width = answer.width;
  picture.height = answer.height;
  picture.src = answer.image;
  picture.alt = words;
  const telling = Object.values(answer.attributes).filter((value) => /\p{L}/u.test(value) && !/^(true|false|yes|no)$/i.test(value));
  const facts = [answer.category, ...telling.slice(0, 2)].filter(Boolean);
  /** @type {HTMLElement} */ (root.querySelector("[data-facts]")).textContent = facts.join(" · ");
  for (const button of root.querySelectorAll("button")) button.ariaLabel = `${button.ariaLabel}: ${words}`;
  return root;
}
