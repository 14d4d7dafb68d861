// The page: hears from the device and shows it, whatever happens in between.

import { wireAbout } from "./about.js";
import { showPaused, wireControls } from "./controls.js";
import { isOut, post } from "./door.js";
import { showFaces } from "./faces.js";
import { showLeds } from "./leds.js";
import { Link } from "./link.js";
import { showNotes } from "./notes.js";
import { Picture } from "./picture.js";
import { runTimeline, wireTimeline } from "./timeline.js";
import * as words from "./words.js";
import { setSign, setText } from "./write.js";

const LATE_MS = 1750; // from which on the stream, too, shows a notice instead of a picture
const TROUBLE_MS = 8000; // for which a failed request is told

const at = (id) => document.getElementById(id);
const viewer = `viewer=${Math.random().toString(36).slice(2)}`;
const picture = new Picture(at("picture"), `/stream.mjpg?${viewer}`);
const link = new Link(`/events?${viewer}`, show, miss);
let trouble = { text: "", until: 0 };

function show(status) {
  const { health, snapshot } = status;
  const faces = (health.healthy && snapshot?.faces) || [];
  if (document.body.dataset.state === "offline") picture.show();
  else picture.heard(status.watching);
  showState(stateOf(health), health.camera === "lost" ? health.detail : "");
  showPaused(health.camera);
  showCounters(health, status);
  showNotes(health);
  showMood(health.healthy, faces.length, snapshot?.dominant);
  showFaces(faces);
  at("empty").hidden = !health.healthy || faces.length > 0;
  showLeds(status.leds);
}

function miss(full) {
  showState("offline", "", full ? words.banners.full : words.banners.offline);
  showPaused(null);
  for (const id of ["fps", "age", "temperature", "viewers"]) at(id).textContent = words.unknown;
  showMood(false, 0);
  showFaces([]);
  showLeds(null);
}

function stateOf(health) {
  return health.healthy && health.age_ms > LATE_MS ? "late" : health.camera;
}

function showState(state, detail = "", text = words.banners[state]) {
  document.body.dataset.state = state;
  setText(at("pill-text"), words.states[state]);
  const full = state === "live" && picture.refused && words.banners.full;
  const said = [full || text, detail].filter(Boolean).join(" ");
  const banner = performance.now() < trouble.until ? trouble.text : said;
  setText(at("banner"), banner);
  at("banner").hidden = !banner;
}

function tellTrouble(text) {
  trouble = { text, until: performance.now() + TROUBLE_MS };
  setText(at("banner"), text);
  at("banner").hidden = false;
}

function showCounters(health, { viewers, picture_age_ms: shownAge }) {
  const age = shownAge ?? health.age_ms; // a picture may be held back until its faces are hidden
  const celsius = health.temperature_c ?? null;
  at("fps").textContent = health.healthy ? health.fps.toFixed(0) : words.unknown;
  at("age").textContent = age === null ? words.unknown : words.milliseconds(age);
  at("temperature").textContent = celsius === null ? words.unknown : words.celsius(celsius);
  at("temperature").parentElement.hidden = celsius === null;
  at("viewers").textContent = viewers;
}

function showMood(looking, count, dominant) {
  const label = count ? dominant : null;
  const text = !looking ? words.blind : !count ? words.nobody : (label ?? words.mixed);
  at("room").dataset.label = label ?? "";
  setSign(at("room"), label ?? "uncertain");
  setText(at("mood-text"), text);
  setText(at("count"), words.count(count));
}

async function logOut() {
  try {
    await post("/logout");
    isOut(401);
  } catch (problem) {
    tellTrouble(words.logOutFailed(problem.message));
  }
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
  runTimeline(!document.hidden);
}

wireAbout();
wireControls(tellTrouble);
wireTimeline();
at("leave")?.addEventListener("click", logOut);
document.addEventListener("visibilitychange", wakeOrSleep);
addEventListener("pageshow", (event) => event.persisted && wakeOrSleep());
addEventListener("online", wakeOrSleep);
wakeOrSleep();
