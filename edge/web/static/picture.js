// The live picture. A browser does not say when a stream of pictures has ended, and goes on
// showing the last one; the device does say, so the page asks for it anew when it has to.
//
// The boxes are part of the picture. Drawn here, from the events, they would be sharper in full
// screen but run ahead of faces that a slow network delays; drawn there, they always fit.

import { ask } from "./door.js";

const FIRST_PATIENCE_MS = 2500; // the device notices within a second or two that a stream opened
const LONGEST_PATIENCE_MS = 10000;

export class Picture {
  refused = false; // whether every place to watch was taken when we last asked
  #image;
  #url;
  #askedAt = 0;
  #patienceMs = FIRST_PATIENCE_MS;

  constructor(image, url) {
    this.#image = image;
    this.#url = url;
    image.addEventListener("error", async () => {
      const answer = await ask(url, { method: "HEAD" });
      this.refused = answer?.status === 503;
    });
  }

  show() {
    // A stream has no end: begun before the page has loaded, it would keep it loading for ever.
    if (document.readyState !== "complete") {
      addEventListener("load", () => this.show(), { once: true });
      return;
    }
    this.#askedAt = performance.now();
    this.#image.src = `${this.#url}&at=${Date.now()}`;
  }

  hide() {
    this.#image.removeAttribute("src");
  }

  // What the device last said: whether it still sends us pictures.
  heard(watching) {
    if (watching) {
      this.refused = false;
      this.#patienceMs = FIRST_PATIENCE_MS;
    } else if (performance.now() - this.#askedAt > this.#patienceMs) {
      this.#patienceMs = Math.min(this.#patienceMs * 2, LONGEST_PATIENCE_MS);
      this.show();
    }
  }
}
