// The page: hears from the device and shows it, whatever happens in between.

import { setIcon, showFaces } from "./faces.js";
import { showLeds } from "./leds.js";
import { Link } from "./link.js";
import { Picture } from "./picture.js";
import * as words from "./words.js";

const at = (id) => document.getElementById(id);
const viewer = `viewer=${Math.random().toString(36).slice(2)}`;
const picture = new Picture(at("picture"), `/stream.mjpg?${viewer}`);
const link = new Link(`/events?${viewer}`, show, () => showState("offline"));

function show(status) {
  const { health, snapshot } = status;
  const faces = (health.healthy && snapshot?.faces) || [];
  if (document.body.dataset.state === "offline") picture.show();
  else picture.heard(status.watching);
  showState(health.camera, health.healthy ? "" : health.detail);
  showCounters(health, status.viewers);
  showMood(health.healthy, faces.length, snapshot?.dominant);
  showFaces(faces);
  at("empty").hidden = !health.healthy || faces.length > 0;
  showLeds(status.leds);
}

function showState(state, detail = "") {
  document.body.dataset.state = state;
  at("pill-text").textContent = words.states[state];
  const banner = words.banners[state === "live" && picture.refused ? "full" : state];
  setText(at("banner"), [banner, detail].filter(Boolean).join(" "));
  at("banner").hidden = !banner;
}

// Writing the same words again would make a screen reader say them again.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showCounters(health, viewers) {
  at("fps").textContent = health.healthy ? health.fps.toFixed(0) : words.unknown;
  at("age").textContent = health.age_ms === null ? words.unknown : words.milliseconds(health.age_ms);
  at("viewers").textContent = viewers;
}

function showMood(looking, count, dominant) {
  const label = count ? dominant : null;
  const text = !looking ? words.blind : !count ? words.nobody : (label ?? words.mixed);
  at("mood").dataset.label = label ?? "";
  setIcon(at("mood"), label);
  setText(at("mood-text"), text);
  setText(at("count"), words.count(count));
}

// A phone that sleeps kills its connections without a word; a hidden page needs none.
function wakeOrSleep() {
  if (document.hidden) {
    link.close();
    picture.hide();
  } else {
    link.open();
    picture.show();
  }
}

document.addEventListener("visibilitychange", wakeOrSleep);
addEventListener("pageshow", (event) => event.persisted && wakeOrSleep());
addEventListener("online", () => link.open());
wakeOrSleep();
