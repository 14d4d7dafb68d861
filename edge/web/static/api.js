// Requests to the device; a request whose session has ended leads to the login page.

import * as strings from "./strings.js";

const TIMEOUT_MS = 8000;

// No other site can send this header. It proves that the request comes from this page. Without it the
// device would have the browser ask for a password.
const headers = { "X-Emotion-Edge": "1" };

// Returns the response of the device, null when none arrives in time.
export function request(address, options = {}) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const type = options.body ? { "Content-Type": "application/json" } : {};
  return fetch(address, { ...options, headers: { ...headers, ...type }, signal }).catch(() => null);
}

// Throws an Error whose message tells the user why the request failed.
export async function post(address, values) {
  const options = { method: "POST", redirect: "manual" };
  if (values) options.body = JSON.stringify(values);
  const response = await request(address, options);
  if (!response) throw new Error(strings.noResponse);
  if (leaveIfLoggedOut(response.status)) return null;
  if (response.status >= 400) throw new Error(strings.refused(response.status));
  return response;
}

// Opens the login page if the status says that the session has ended; returns whether it does.
export function leaveIfLoggedOut(status) {
  if (status === 401) location.assign("login");
  return status === 401;
}
