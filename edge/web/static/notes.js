// Small honest lines under the picture: what the device has to say about itself.

import * as words from "./words.js";

const list = document.getElementById("notes");
const template = document.getElementById("note");
const shown = new Map();

export function showNotes({ hot, throttled, failing_outputs: failing = [] }) {
  note("hot", hot && words.notes.hot);
  note("throttled", throttled && !hot && words.notes.throttled);
  note("failing", failing.length > 0 && words.notes.failing(failing));
}

function note(name, text) {
  if ((shown.get(name)?.textContent.trim() ?? false) === text) return;
  shown.get(name)?.remove();
  shown.delete(name);
  if (!text) return;
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = text;
  list.append(item);
  shown.set(name, item);
}
