/**
 * The last answer, taken back.
 */

import { post } from "lib/api";
import { say } from "lib/texts";
import { roundsOf } from "logic/modes";

/** @typedef {{exposure: import("logic/deck").Exposure, verdicts: import("logic/outbox").Verdict[]}} Taken */

/**
 * From the outbox while it lies there, else from the server.
 * @param {import("lib/outbox/sender").OutboxSender} sender
 * @param {string} study
 * @param {string} url
 * @returns {Promise<Taken | string>} or why there is none
 */
export async function takeBackLast(sender, study, url) {
  const unsent = await sender.takeBack(study);
  if (unsent.length > 0) return { exposure: unsent[0].exposure, verdicts: unsent.map(({ verdict }) => verdict) };
  // The server takes back the newest answer it knows, so it must know all of them first.
  if (sender.unsent.length > 0 && !(await sender.deliverAll())) return say("back.cut");
  try {
    const [undone] = roundsOf(await post(url, { n: 1, study }));
    if (!undone) return say("back.none");
    const { verdict, ...exposure } = /** @type {any} */ (undone);
    return { exposure, verdicts: exposure.candidates?.map((/** @type {any} */ one) => one.verdict) ?? [verdict] };
  } catch {
    return say("back.cut");
  }
}
