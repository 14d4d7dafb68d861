// The status of the device as server-sent events; reconnects after each failure.

import { request, leaveIfLoggedOut } from "./api.js";

const SILENCE_MS = 4000; // the device sends an event at least once a second
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

export class StatusStream {
  #url;
  #onStatus;
  #onLost;
  #source = null;
  #timer = 0;
  #retryMs = FIRST_RETRY_MS;
  #full = false; // whether the viewer limit was reached at the last attempt

  // `onLost` gets whether the viewer limit is the reason. `openEvents` opens an EventSource.
  constructor(url, onStatus, onLost, openEvents) {
    this._openEvents = openEvents;
    this.#url = url;
    this.#onStatus = onStatus;
    this.#onLost = onLost;
  }

  open() {
    this.close();
    this.#source = this._openEvents(this.#url);
    this.#source.onmessage = (event) => this.#receive(event);
    this.#source.onerror = () => this.#reopen();
    this.#watch();
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #receive(event) {
    this.#retryMs = FIRST_RETRY_MS;
    this.#full = false;
    this.#watch();
    this.#onStatus(JSON.parse(event.data));
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reopen(), SILENCE_MS);
  }

  #reopen() {
    this.close();
    this.#onLost(this.#full);
    this.#timer = setTimeout(() => this.open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    this.#findReason();
  }

  // A browser does not tell a script the status with which an event stream was refused.
  async #findReason() {
    const response = await request(this.#url, { method: "HEAD" });
    if (response && leaveIfLoggedOut(response.status)) return;
    this.#full = response?.status === 503;
    if (!this.#source) this.#onLost(this.#full);
  }
}
