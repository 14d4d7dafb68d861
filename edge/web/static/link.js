// The line to the device: its status as server-sent events, reopened for ever.

import { ask, isOut } from "./door.js";

const SILENCE_MS = 4000; // the device speaks at least once a second
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

export class Link {
  #url;
  #onStatus;
  #onLost;
  #source = null;
  #timer = 0;
  #waitMs = FIRST_WAIT_MS;
  #full = false; // whether every place was taken when we last asked

  // `onLost` is told whether the line is down because every place is taken.
  constructor(url, onStatus, onLost) {
    this.#url = url;
    this.#onStatus = onStatus;
    this.#onLost = onLost;
  }

  open() {
    this.close();
    this.#source = new EventSource(this.#url);
    this.#source.onmessage = (event) => this.#hear(event);
    this.#source.onerror = () => this.#reopen();
    this.#watch();
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #hear(event) {
    this.#waitMs = FIRST_WAIT_MS;
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
    this.#timer = setTimeout(() => this.open(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    this.#askWhy();
  }

  // A browser keeps to itself with which status an event stream was refused.
  async #askWhy() {
    const answer = await ask(this.#url, { method: "HEAD" });
    if (answer && isOut(answer.status)) return;
    this.#full = answer?.status === 503;
    if (!this.#source) this.#onLost(this.#full);
  }
}
