// The status of the device as server-sent events; reconnects after each failure.

import { request, leaveIfLoggedOut } from "./api.js";

const SILENCE_MS = 4000; // the device sends an event at least once a second
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

export class StatusStream {
  // `onLost` gets whether the viewer limit is the reason. `openEvents` opens an EventSource.
  constructor(url, onStatus, onLost, openEvents) {
    this._url = url;
    this._onStatus = onStatus;
    this._onLost = onLost;
    this._openEvents = openEvents;
    this._source = null;
    this._timer = 0;
    this._retryMs = FIRST_RETRY_MS;
    this._full = false; // whether the viewer limit was reached at the last attempt
  }

  open() {
    this.close();
    this._source = this._openEvents(this._url);
    this._source.onmessage = (event) => this._receive(event);
    this._source.onerror = () => this._reopen();
    this._watch();
  }

  close() {
    clearTimeout(this._timer);
    this._source?.close();
    this._source = null;
  }

  _receive(event) {
    this._retryMs = FIRST_RETRY_MS;
    this._full = false;
    this._watch();
    this._onStatus(JSON.parse(event.data));
  }

  _watch() {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._reopen(), SILENCE_MS);
  }

  _reopen() {
    this.close();
    this._onLost(this._full);
    this._timer = setTimeout(() => this.open(), this._retryMs);
    this._retryMs = Math.min(this._retryMs * 2, LONGEST_RETRY_MS);
    this._findReason();
  }

  // A browser does not tell a script the status with which an event stream was refused.
  async _findReason() {
    const response = await request(this._url, { method: "HEAD" });
    if (response && leaveIfLoggedOut(response.status)) return;
    this._full = response?.status === 503;
    if (!this._source) this._onLost(this._full);
  }
}
