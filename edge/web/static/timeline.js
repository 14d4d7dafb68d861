// Draws the last ten minutes as stacked columns, and shows the shares at the selected moment.

import { COLUMN_S, COLUMNS, History, overall, ranked } from "./history.js";
import * as strings from "./strings.js";
import { hasKeyboardFocus, setText, shape } from "./dom.js";
import { column } from "./drawing.js";

const POLL_MS = 5000;
const HEIGHT = 100; // of the drawing's own units; a column is 1 wide

const plot = document.getElementById("plot");
const scrub = document.getElementById("scrub");
const moment = document.getElementById("moment");
const legend = [...document.querySelectorAll("#legend li")];
const cursor = shape("rect", { class: "cursor", width: 1, height: HEIGHT, y: 0 });
const areas = new Map(legend.map((item) => [item.dataset.label, areaOf(item.dataset.label)]));

const history = new History();
let columns = history.columns();
let pointing = false;
let timer = 0;

export function wireTimeline() {
  plot.append(...areas.values(), cursor);
  scrub.addEventListener("input", () => point(true));
  scrub.addEventListener("focus", () => point(hasKeyboardFocus(scrub)));
  scrub.addEventListener("blur", () => point(false));
  for (const kind of ["pointerdown", "pointermove"]) scrub.addEventListener(kind, follow);
  for (const kind of ["pointerleave", "pointercancel"]) scrub.addEventListener(kind, () => point(false));
}

export function runTimeline(awake) {
  clearInterval(timer);
  if (!awake) return;
  timer = setInterval(update, POLL_MS);
  update();
}

async function update() {
  await history.refresh();
  columns = history.columns();
  draw();
  showShares();
}

function draw() {
  const paths = new Map([...areas.keys()].map((label) => [label, ""]));
  columns.forEach(({ shares }, x) => {
    for (const [label, block] of column(areas.keys(), shares, x, 1, HEIGHT)) {
      paths.set(label, paths.get(label) + block);
    }
  });
  for (const [label, path] of areas) path.setAttribute("d", paths.get(label));
}

// A slider itself follows neither a finger outside its thumb nor a mouse without a click.
function follow(event) {
  const { left, width } = scrub.getBoundingClientRect();
  const x = Math.floor(((event.clientX - left) / width) * COLUMNS);
  scrub.value = Math.min(Math.max(x, 0), COLUMNS - 1);
  point(true);
}

function point(at) {
  pointing = at;
  showShares();
}

// The legend shows the shares at the selected moment, else those of all ten minutes.
function showShares() {
  const all = overall(columns);
  const index = Number(scrub.value);
  const shown = pointing ? columns[index] : all;
  const when = strings.moment((COLUMNS - 1 - index) * COLUMN_S);
  for (const item of legend) {
    const share = shown.shares[item.dataset.label] ?? 0;
    item.hidden = !(all.shares[item.dataset.label] >= 0.005);
    setText(item.querySelector("b"), strings.percent(share));
  }
  cursor.setAttribute("x", index);
  cursor.classList.toggle("on", pointing);
  document.getElementById("no-history").hidden = all.faceTime > 0;
  setText(moment, pointing ? (shown.faceTime ? when : strings.emptyMoment(when, shown)) : "");
  scrub.setAttribute("aria-valuetext", strings.spokenMoment(when, columns[index], ranked(columns[index])));
  plot.setAttribute("aria-label", all.faceTime ? strings.history(ranked(all)) : strings.emptyHistory);
}

function areaOf(label) {
  return shape("path", { "data-label": label });
}
