/**
 * Calls of the product's own API.
 */

const PATIENCE_MS = 15_000;

/** Nothing came back, or only a server in trouble: worth trying again. */
export class Unreachable extends Error {}

/** The server said no and will say so again. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} code one of the API's error codes
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * POST `body` as JSON; the request outlives the page if it is closed meanwhile.
 * @param {string} url
 * @param {object} body
 * @returns {Promise<any>} the answer's JSON; throws Unreachable or Refused
 */
export async function post(url, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return ask(url, { method: "POST", headers, body: JSON.stringify(body), keepalive: true });
}

/**
 * @param {string} url
 * @returns {Promise<any>} the answer's JSON; throws Unreachable or Refused
 */
export async function get(url) {
  return ask(url, { headers: { Accept: "application/json" } });
}

/** @param {string} url @param {RequestInit} request */
async function ask(url, request) {
  const response = await attempt(url, request);
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok || response.status >= 500 || response.status === 429 || response.status === 408) {
    throw new Unreachable(`${url} answered ${response.status}`);
  }
  throw new Refused(response.status, answer?.error?.code ?? "failed", answer?.error?.message ?? "That did not work.");
}

/** @param {string} url @param {RequestInit} request */
async function attempt(url, request) {
  try {
    return await fetch(url, { ...request, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Unreachable(String(error));
  }
}
