// The live video, a stream of JPEGs. A browser does not report the end of such a stream and shows its
// last frame on. The device reports whether the stream runs, so the page can request it again.
//
// The device draws the boxes. Drawn here, from the events, they would be sharper in full screen, but
// on a slow network they would be ahead of the faces.

import { request } from "./api.js";

const FIRST_RETRY_MS = 2500; // the device reports a new stream within one or two seconds
const LONGEST_RETRY_MS = 10000;

export class Video {
  constructor(image, url) {
    this._image = image;
    this._url = url;
    this._requestedAt = 0;
    this._retryMs = FIRST_RETRY_MS;
    this.refused = false; // whether the viewer limit was reached at the last attempt
    image.addEventListener("error", async () => {
      const response = await request(url, { method: "HEAD" });
      this.refused = response?.status === 503;
    });
  }

  show() {
    // The stream does not end: if it began before the page has loaded, the page would never finish
    // loading.
    if (document.readyState !== "complete") {
      addEventListener("load", () => this.show(), { once: true });
      return;
    }
    this._requestedAt = performance.now();
    this._image.src = `${this._url}&at=${Date.now()}`;
  }

  // Shows the stream at this address from now on.
  watch(url) {
    this._url = url;
    this.show();
  }

  hide() {
    this._image.removeAttribute("src");
  }

  // `watching` is whether the device still sends the stream.
  update(watching) {
    if (watching) {
      this.refused = false;
      this._retryMs = FIRST_RETRY_MS;
    } else if (performance.now() - this._requestedAt > this._retryMs) {
      this._retryMs = Math.min(this._retryMs * 2, LONGEST_RETRY_MS);
      this.show();
    }
  }
}
