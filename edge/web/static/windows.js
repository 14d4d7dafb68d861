// What the windows of a browser share: one event stream, and a limited number of videos. Where the
// browser has no shared workers, each window has its own stream, and there is no limit.

// The windows of one version only share a worker: an older one may be open during an upgrade.
const NAME = "emotion-edge status 1";
const SHARED = typeof SharedWorker !== "undefined";

export class Windows {
  // `onPlace` is called when this window may show the video, or may not any more. `viewer` is the
  // name for its stream then, and null while other windows have all places.
  constructor(onPlace) {
    this.viewer = null;
    this.crowded = false; // whether other windows have all places
    this._onPlace = onPlace;
    this._port = null;
    this._events = null;
    addEventListener("pagehide", () => this.leave());
  }

  enter() {
    if (!SHARED) {
      this._take(this.viewer ?? Math.random().toString(36).slice(2));
      return;
    }
    this._send({ type: "enter" });
  }

  leave() {
    this.viewer = null;
    this._port?.postMessage({ type: "leave" });
  }

  // Returns what is used like an EventSource.
  openEvents(address) {
    if (!SHARED) return new EventSource(`${address}?viewer=${this.viewer}`);
    this._events = { close: () => (this._events = null) };
    this._send({ type: "listen", address: new URL(address, document.baseURI).href });
    return this._events;
  }

  isWatching(status) {
    return status.watched_as.includes(this.viewer);
  }

  _send(message) {
    if (!this._port) {
      this._port = new SharedWorker(new URL("./status-worker.js", import.meta.url), NAME).port;
      this._port.onmessage = ({ data }) => this._hear(data);
    }
    this._port.postMessage(message);
  }

  _hear({ type, viewer, data }) {
    if (type === "place") {
      this._take(viewer);
    } else if (type === "data") {
      this._port.postMessage({ type: "here" });
      this._events?.onmessage({ data });
    } else if (type === "failed") {
      this._events?.onerror();
    }
  }

  _take(viewer) {
    this.viewer = viewer;
    this.crowded = !viewer;
    this._onPlace(viewer);
  }
}
