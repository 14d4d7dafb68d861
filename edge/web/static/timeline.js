// Draws the last ten minutes as stacked columns, and shows the shares at the selected moment.

import { COLUMN_S, COLUMNS, History, overall, ranked } from "./history.js";
import * as strings from "./strings.js";
import { setText } from "./dom.js";

const POLL_MS = 5000;
const HEIGHT = 100; // of the drawing's own units; a column is 1 wide
const GAP = 0.14; // between two columns
const SVG = "http://www.w3.org/2000/svg";

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
  scrub.addEventListener("focus", () => point(scrub.matches(":focus-visible")));
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
    let top = 0;
    // In the order of the bars, from the top: neutral is at the bottom.
    for (const label of areas.keys()) {
      const height = (shares[label] ?? 0) * HEIGHT;
      if (height > 0) paths.set(label, paths.get(label) + block(x, top, height));
      top += height;
    }
  });
  for (const [label, path] of areas) path.setAttribute("d", paths.get(label));
}

function block(x, y, height) {
  return `M${x + GAP / 2} ${y.toFixed(2)}h${1 - GAP}v${height.toFixed(2)}h${GAP - 1}z`;
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

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
