// The notice of first use: opens once in each browser, and with its button.

import { isRemembered, remember } from "./remembered.js";

const KEY = "about-read";
const dialog = document.getElementById("about");

export function wireAbout() {
  document.getElementById("about-open").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => remember(KEY));
  if (!isRemembered(KEY)) dialog.showModal();
}
