// The last day as stacked columns and the last week as a map of hours by days, each with its table.

import { DAY_H, HOUR_S, WEEK_D, fetchHours, lastDay, lastWeek } from "./hours.js";
import { ranked } from "./history.js";
import { column } from "./drawing.js";
import { hasKeyboardFocus, setText, shape } from "./dom.js";
import * as strings from "./strings.js";

const POLL_MS = 60000;
const HEIGHT = 100;

const at = (id) => document.getElementById(`past-${id}`);
const tabs = [...document.querySelectorAll("#past [data-span]")];
const legend = [...document.querySelectorAll("#past-legend li")];
const labels = legend.map((item) => item.dataset.label);

let span = "day";
let hours = [];
let pointing = false;
let timer = 0;

export function wirePast() {
  for (const tab of tabs) tab.addEventListener("click", () => choose(tab.dataset.span));
  at("scrub").addEventListener("input", () => point(true));
  at("scrub").addEventListener("focus", () => point(hasKeyboardFocus(at("scrub"))));
  at("scrub").addEventListener("blur", () => point(false));
  for (const kind of ["pointerdown", "pointermove"]) at("scrub").addEventListener(kind, follow);
  for (const kind of ["pointerleave", "pointercancel"]) at("scrub").addEventListener(kind, () => point(false));
  at("table").closest("details").addEventListener("toggle", showTable);
}

export function runPast(awake) {
  clearInterval(timer);
  if (!awake) return;
  timer = setInterval(update, POLL_MS);
  update();
}

function choose(chosen) {
  span = chosen;
  hours = [];
  update();
}

async function update() {
  const asked = span;
  const answer = await fetchHours(asked === "day" ? DAY_H : WEEK_D * DAY_H);
  if (!answer || asked !== span) return;
  hours = asked === "day" ? lastDay(answer) : lastWeek(answer);
  for (const tab of tabs) tab.setAttribute("aria-pressed", tab.dataset.span === asked);
  document.getElementById("past").dataset.shown = asked;
  at("scrub").max = hours.length - 1;
  at("scrub").value = asked === "day" ? DAY_H - 1 : hours.length - DAY_H + new Date(answer.now * 1000).getHours();
  draw();
  showAxis();
  showNumbers();
  showTable();
}

function draw() {
  const drawn = span === "day" ? columns() : cells();
  at("plot").setAttribute("viewBox", span === "day" ? `0 0 ${DAY_H} ${HEIGHT}` : `0 0 ${DAY_H} ${WEEK_D}`);
  at("plot").replaceChildren(...drawn);
  const all = overall();
  for (const item of legend) item.hidden = !(all[item.dataset.label] >= 0.005);
  const shares = ranked({ shares: all });
  at("plot").setAttribute("aria-label", strings.past(span, shares));
  setText(at("since"), strings.since(hours));
}

// A column is as wide as its part of the hour was watched: a gap is a time without a record.
function columns() {
  return hours.flatMap(({ watchedS, shares }, x) => {
    const width = Math.min(watchedS / HOUR_S, 1);
    if (!watchedS) return [];
    const blocks = [...column(labels, shares, x, width, HEIGHT)];
    if (!blocks.length) return [shape("rect", { class: "no-face", x: x + 0.07, y: HEIGHT - 4, width: 0.86 * width, height: 4 })];
    return blocks.map(([label, d]) => shape("path", { "data-label": label, d }));
  });
}

// The colour of the most frequent expression, the stronger the larger its share.
function cells() {
  return hours.flatMap(({ watchedS, shares }, index) => {
    if (!watchedS) return [];
    const place = { x: (index % DAY_H) + 0.05, y: Math.floor(index / DAY_H) + 0.06, width: 0.9, height: 0.88 };
    const [first] = ranked({ shares });
    if (!first) return [shape("rect", { ...place, class: "no-face" })];
    return [shape("rect", { ...place, "data-label": first[0], "fill-opacity": (0.25 + 0.75 * first[1]).toFixed(2) })];
  });
}

// The shares of all hours, weighted by the time that faces were in view.
function overall() {
  const sums = {};
  let total = 0;
  for (const { watchedS, faces, shares } of hours) {
    total += watchedS * faces;
    for (const [label, share] of Object.entries(shares)) sums[label] = (sums[label] ?? 0) + share * watchedS * faces;
  }
  return Object.fromEntries(Object.entries(sums).map(([label, sum]) => [label, total > 0 ? sum / total : 0]));
}

function showAxis() {
  const marks = span === "day" ? [0, 6, 12, 18, 23].map((n) => strings.hour(hours[n].t)) : ["0:00", "6:00", "12:00", "18:00", "24:00"];
  at("axis").replaceChildren(...marks.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  const days = span === "day" ? [] : Array.from({ length: WEEK_D }, (_, n) => strings.weekday(hours[n * DAY_H].t));
  at("days").replaceChildren(...days.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
}

function follow(event) {
  const { left, top, width, height } = at("plot").getBoundingClientRect();
  const within = (value, count) => Math.min(Math.max(Math.floor(value * count), 0), count - 1);
  const x = within((event.clientX - left) / width, DAY_H);
  at("scrub").value = span === "day" ? x : within((event.clientY - top) / height, WEEK_D) * DAY_H + x;
  point(true);
}

function point(on) {
  pointing = on;
  showNumbers();
}

function showNumbers() {
  const hour = hours[Number(at("scrub").value)];
  if (!hour) return;
  const said = strings.pastHour(hour, ranked(hour));
  at("scrub").setAttribute("aria-valuetext", said);
  setText(at("numbers"), pointing ? said : strings.pastHint);
}

// Rows are made only while the table is open.
function showTable() {
  const details = at("table").closest("details");
  if (!details.open) return;
  const rows = hours.filter(({ watchedS }) => watchedS > 0).reverse().map((hour) => {
    const cells = [strings.pastTime(hour.t), strings.minutes(hour.watchedS), hour.faces.toFixed(1),
      ...labels.map((label) => (hour.faces > 0 ? strings.percent(hour.shares[label] ?? 0) : strings.unknown))];
    const row = document.createElement("tr");
    row.append(...cells.map((text, n) => cell(n ? "td" : "th", text)));
    return row;
  });
  at("table").replaceChildren(...rows);
}

function cell(kind, text) {
  const made = Object.assign(document.createElement(kind), { textContent: text });
  if (kind === "th") made.scope = "row";
  return made;
}
