// What the windows of a browser share: one event stream, and a limited number of videos. Where they
// cannot share a worker, each window has its own event stream, and there is no limit. Safari has
// shared workers since version 16. Some browsers refuse them in another site's frame.

// Only windows of one version share a worker: an older one may be open during an upgrade.
const NAME = "emotion-edge status 1";

export class Windows {
  // `onPlace` is called when this window may show the video, or may not any more. `viewer` is the
  // name for its stream then, and null while other windows have all places.
  constructor(onPlace) {
    this.viewer = null;
    this.crowded = false; // whether other windows have all places
    this._alone = typeof SharedWorker === "undefined";
    this._onPlace = onPlace;
    this._port = null;
    this._events = null;
    addEventListener("pagehide", () => this.leave());
  }

  enter() {
    this._send({ type: "enter" });
    if (this._alone) this._takeOwn();
  }

  leave() {
    this.viewer = null;
    if (!this._alone) this._port?.postMessage({ type: "leave" });
  }

  // Returns what is used like an EventSource.
  openEvents(address) {
    this._events = { close: () => (this._events = null) };
    this._send({ type: "listen", address: new URL(address, document.baseURI).href });
    return this._alone ? new EventSource(`${address}?viewer=${this.viewer}`) : this._events;
  }

  isWatching(status) {
    return status.watched_as.includes(this.viewer);
  }

  _send(message) {
    if (this._alone) return;
    try {
      this._port ??= this._connected();
      this._port.postMessage(message);
    } catch {
      this._alone = true;
    }
  }

  _connected() {
    const worker = new SharedWorker(new URL("./status-worker.js", import.meta.url), NAME);
    worker.onerror = () => this._goOnAlone();
    worker.port.onmessage = ({ data }) => this._hear(data);
    return worker.port;
  }

  _goOnAlone() {
    this._alone = true;
    this._takeOwn();
    this._events?.onerror();
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

  _takeOwn() {
    this._take(Math.random().toString(36).slice(2));
  }

  _take(viewer) {
    this.viewer = viewer;
    this.crowded = !viewer;
    this._onPlace(viewer);
  }
}
