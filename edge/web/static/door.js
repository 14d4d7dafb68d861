// What the page asks of the device, and the way out when the device no longer knows us.

import * as words from "./words.js";

const PATIENCE_MS = 8000;

// The answer of the device; null where none comes in time.
export function ask(address, request = {}) {
  return fetch(address, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
}

// Returns nothing; throws an Error whose message says, to a person, why it did not work.
export async function post(address) {
  const request = {
    method: "POST",
    // No other site can send this header: it is how the device knows that we are its own page.
    headers: { "X-Emotion-Edge": "1" },
    redirect: "manual",
  };
  const answer = await ask(address, request);
  if (!answer) throw new Error(words.noAnswer);
  if (isOut(answer.status)) return;
  if (answer.status >= 400) throw new Error(words.refused(answer.status));
}

// Whether the answer says that the session has ended; if so, leaves for the login.
export function isOut(status) {
  if (status === 401) location.assign("/login");
  return status === 401;
}
