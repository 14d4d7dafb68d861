// The alerts below the video: heat, power supply and failing outputs.

import * as strings from "./strings.js";

const list = document.getElementById("alerts");
const template = document.getElementById("alert");
const shown = new Map();

export function showAlerts({ hot, throttled, failing_outputs: failing = [] }) {
  show("hot", hot && strings.alerts.hot);
  show("throttled", throttled && !hot && strings.alerts.throttled);
  show("failing", failing.length > 0 && strings.alerts.failing(failing));
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
