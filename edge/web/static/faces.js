// The cards of the faces, in the order of their numbers.

import * as strings from "./strings.js";
import { setIcon } from "./dom.js";

const template = document.getElementById("face");
const list = document.getElementById("faces");
const cards = new Map();

export function showFaces(faces) {
  const present = new Set(faces.map((face) => face.id));
  for (const [id, card] of cards) {
    if (!present.has(id)) {
      card.remove();
      cards.delete(id);
    }
  }
  for (const face of [...faces].sort((a, b) => a.id - b.id)) fill(cardOf(face.id), face);
}

function cardOf(id) {
  if (!cards.has(id)) {
    const card = template.content.firstElementChild.cloneNode(true);
    card.setAttribute("aria-label", strings.faceNumber(id));
    card.querySelector(".who").textContent = strings.faceNumber(id);
    const next = [...cards].filter(([other]) => other > id).sort(([a], [b]) => a - b)[0];
    list.insertBefore(card, next ? next[1] : null);
    cards.set(id, card);
  }
  return cards.get(id);
}

function fill(card, face) {
  card.dataset.label = face.label ?? "";
  setIcon(card, face.label ?? "uncertain");
  card.querySelector(".label").textContent = face.label ?? strings.uncertain;
  card.querySelector(".confidence").textContent = face.label ? strings.percent(face.confidence) : "";
  for (const row of card.querySelectorAll(".bars li")) {
    const share = face.probs[row.dataset.label] ?? 0;
    row.classList.toggle("shown", row.dataset.label === face.label);
    row.querySelector("b").style.setProperty("--share", share);
    row.querySelector(".share").textContent = Math.round(share * 100);
  }
}
