// The regions in which faces are ignored, drawn over the video. Each is [x1, y1, x2, y2] in shares of
// the frame.

import { leaveIfLoggedOut, post, request } from "./api.js";
import * as strings from "./strings.js";

const ADDRESS = "api/ignored-regions";
const LEAST = 0.02; // of the width and height; the device accepts half of it
const STEP = 0.02; // of an arrow key
const MOST = 16;
const KEYS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const layer = document.getElementById("regions");
const bar = document.getElementById("drawing");
const at = (id) => document.getElementById(`region-${id}`);

let regions = [];
let start = null; // where the pointer went down
let onError = () => {};

// `showError` gets a sentence when a request fails.
export function wireRegions(showError) {
  if (!layer) return;
  onError = showError;
  at("open").addEventListener("click", open);
  at("add").addEventListener("click", () => add([0.35, 0.35, 0.65, 0.65])?.focus());
  at("clear").addEventListener("click", () => show([]));
  at("cancel").addEventListener("click", close);
  at("save").addEventListener("click", save);
  layer.addEventListener("pointerdown", begin);
  layer.addEventListener("pointermove", drag);
  layer.addEventListener("pointerup", () => (start = null));
  layer.addEventListener("pointercancel", () => (start = null));
  layer.addEventListener("keydown", change);
}

async function open() {
  const response = await request(ADDRESS);
  if (response && leaveIfLoggedOut(response.status)) return;
  if (!response?.ok) return onError(strings.regionsUnknown);
  if (!layer.hidden) return; // a second click must not undo what is drawn by now
  show((await response.json()).regions);
  layer.hidden = bar.hidden = false;
  at("add").focus({ preventScroll: true });
  layer.scrollIntoView({ block: "center", behavior: "instant" });
}

function close() {
  layer.hidden = bar.hidden = true;
  at("open").focus();
}

async function save() {
  at("save").disabled = true;
  try {
    await post(ADDRESS, { regions });
    close();
  } catch (error) {
    onError(strings.regionsFailed(error.message));
  }
  at("save").disabled = false;
}

function show(found) {
  regions = [];
  layer.replaceChildren();
  found.forEach(add);
}

function add(region) {
  if (regions.length >= MOST) return null;
  const button = document.createElement("button");
  button.className = "region";
  button.type = "button";
  regions.push(region);
  layer.append(button);
  place(regions.length - 1, region);
  return button;
}

function place(index, region) {
  regions[index] = region;
  const button = layer.children[index];
  ["--x1", "--y1", "--x2", "--y2"].forEach((name, i) => button.style.setProperty(name, region[i]));
  button.setAttribute("aria-label", strings.region(index + 1, region));
}

// A new region follows the pointer; a region that is pressed is selected.
function begin(event) {
  if (event.target !== layer) return;
  event.preventDefault();
  const [x, y] = shareOf(event);
  if (!add([x, y, Math.min(x + LEAST, 1), Math.min(y + LEAST, 1)])) return;
  start = [x, y];
  layer.setPointerCapture(event.pointerId);
}

function drag(event) {
  if (!start) return;
  const [[x, y], [a, b]] = [shareOf(event), start];
  const ends = (p, q) => [Math.min(p, q, 1 - LEAST), Math.max(p, q, Math.min(p, q, 1 - LEAST) + LEAST)];
  const [[x1, x2], [y1, y2]] = [ends(a, x), ends(b, y)];
  place(regions.length - 1, [x1, y1, x2, y2]);
}

function change(event) {
  const index = [...layer.children].indexOf(event.target);
  if (index < 0) return;
  if (["Delete", "Backspace"].includes(event.key)) {
    show(regions.filter((_, other) => other !== index));
    (layer.children[Math.min(index, regions.length - 1)] ?? at("add")).focus();
  } else if (KEYS[event.key]) {
    place(index, moved(regions[index], KEYS[event.key], event.shiftKey));
  } else return;
  event.preventDefault();
}

function moved([x1, y1, x2, y2], [dx, dy], resize) {
  if (resize) return [x1, y1, clamp(x2 + dx, x1 + LEAST, 1), clamp(y2 + dy, y1 + LEAST, 1)];
  const [w, h] = [x2 - x1, y2 - y1];
  const [x, y] = [clamp(x1 + dx, 0, 1 - w), clamp(y1 + dy, 0, 1 - h)];
  return [x, y, Math.min(x + w, 1), Math.min(y + h, 1)];
}

function shareOf(event) {
  const { left, top, width, height } = layer.getBoundingClientRect();
  return [clamp((event.clientX - left) / width, 0, 1), clamp((event.clientY - top) / height, 0, 1)];
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
