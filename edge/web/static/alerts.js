// The alerts below the video: privacy, heat, power supply and failing outputs.

import * as strings from "./strings.js";
import { setText } from "./dom.js";

const privacyLine = document.getElementById("privacy");
const list = document.getElementById("alerts");
const template = document.getElementById("alert");
const shown = new Map();

export function showAlerts({ hot, throttled, failing_outputs: failing = [] }) {
  show("hot", hot && strings.alerts.hot);
  show("throttled", throttled && !hot && strings.alerts.throttled);
  show("failing", failing.length > 0 && strings.alerts.failing(failing));
}

// The mode may change while the page is open.
export function showPrivacy(mode) {
  const text = privacyLine.getAttribute(`data-${mode}`) ?? "";
  setText(privacyLine.querySelector("span"), text);
  privacyLine.hidden = !text;
}

function show(name, text) {
  if ((shown.get(name)?.textContent.trim() ?? false) === text) return;
  shown.get(name)?.remove();
  shown.delete(name);
  if (!text) return;
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = text;
  list.append(item);
  shown.set(name, item);
}
