// The page: receives the status of the device and shows it.

import { wireAbout } from "./about.js";
import { wireDialogs } from "./dialogs.js";
import { showFirstMinute, wireFirstMinute } from "./first-minute.js";
import { showPaused, wireControls } from "./controls.js";
import { leaveIfLoggedOut, post } from "./api.js";
import { showFaces } from "./faces.js";
import { showLeds } from "./leds.js";
import { StatusStream } from "./status-stream.js";
import { showAlerts, showPrivacy } from "./alerts.js";
import { Video } from "./video.js";
import { wireRegions } from "./regions.js";
import { followSettings, wireSettings } from "./settings.js";
import { runPast, wirePast } from "./past.js";
import { runTimeline, wireTimeline } from "./timeline.js";
import { Windows } from "./windows.js";
import * as strings from "./strings.js";
import { setIcon, setText } from "./dom.js";

// The age of a frame at which the stream, too, shows a notice instead.
const LATE_MS = Number(document.body.dataset.lateMs);
const ERROR_MS = 8000; // for which a failed request is shown

const at = (id) => document.getElementById(id);
const windows = new Windows(showVideo);
const video = new Video(at("video"), "stream.mjpg");
const statusStream = new StatusStream("events", show, showLost, (address) => windows.openEvents(address));
let failure = { text: "", until: 0 };

function show(status) {
  const { health, snapshot } = status;
  const faces = (health.healthy && snapshot?.faces) || [];
  if (windows.viewer) {
    if (document.body.dataset.state === "offline") video.show();
    else video.update(windows.isWatching(status));
  }
  const paused = health.camera === "paused" && strings.pausedBy[health.pause?.by]?.(health.pause.until);
  showState(stateOf(health), health.camera === "lost" ? health.detail : "", paused || undefined);
  showPaused(health.camera);
  showCounters(health, status);
  showAlerts(health);
  showPrivacy(status.privacy);
  followSettings(status.settings_version);
  showMood(health.healthy, faces.length, snapshot?.dominant);
  showFaces(faces);
  at("empty").hidden = !health.healthy || faces.length > 0;
  showLeds(status.leds);
  showFirstMinute(status);
}

function showLost(full) {
  showState("offline", "", full ? strings.banners.full : strings.banners.offline);
  showPaused(null);
  for (const id of ["fps", "age", "temperature", "viewers"]) at(id).textContent = strings.unknown;
  showMood(false, 0);
  showFaces([]);
  showLeds(null);
  showFirstMinute(null);
}

function stateOf(health) {
  return health.healthy && health.age_ms > LATE_MS ? "late" : health.camera;
}

function showState(state, detail = "", text = strings.banners[state]) {
  document.body.dataset.state = state;
  setText(at("pill-text"), strings.states[state]);
  const full = video.refused && strings.banners.full;
  const crowded = windows.crowded && strings.banners.crowded;
  const refused = state === "live" && (crowded || full);
  const message = [refused || text, detail].filter(Boolean).join(" ");
  const banner = performance.now() < failure.until ? failure.text : message;
  setText(at("banner"), banner);
  at("banner").hidden = !banner;
}

function showError(text) {
  failure = { text, until: performance.now() + ERROR_MS };
  setText(at("banner"), text);
  at("banner").hidden = false;
}

function showCounters(health, { viewers, picture_age_ms: shownAge }) {
  const age = shownAge ?? health.age_ms; // a frame may be held back until its faces are hidden
  const celsius = health.temperature_c ?? null;
  at("fps").textContent = health.healthy ? health.fps.toFixed(0) : strings.unknown;
  at("age").textContent = age === null ? strings.unknown : strings.milliseconds(age);
  at("temperature").textContent = celsius === null ? strings.unknown : strings.celsius(celsius);
  at("temperature").parentElement.hidden = celsius === null;
  at("viewers").textContent = viewers;
}

function showMood(live, count, dominant) {
  const label = count ? dominant : null;
  const text = !live ? strings.noData : !count ? strings.noFace : (label ?? strings.unclear);
  at("room").dataset.label = label ?? "";
  setIcon(at("room"), label ?? "uncertain");
  setText(at("mood-text"), text);
  setText(at("count"), strings.count(count));
}

async function logOut() {
  try {
    await post("logout");
    leaveIfLoggedOut(401);
  } catch (error) {
    showError(strings.logOutFailed(error.message));
  }
}

function showVideo(viewer) {
  if (!viewer) {
    video.hide();
  } else if (!document.hidden) {
    video.watch(`stream.mjpg?viewer=${viewer}`);
  }
}

// A phone that sleeps closes its connections silently, and a hidden page needs none.
function wakeOrSleep() {
  if (document.hidden) {
    statusStream.close();
    windows.leave();
    video.hide();
  } else {
    windows.enter();
    statusStream.open();
  }
  runTimeline(!document.hidden);
  runPast(!document.hidden);
}

wireDialogs();
wireAbout();
wireFirstMinute();
wireControls(showError);
wireTimeline();
wireRegions(showError);
wireSettings(showError);
wirePast();
at("leave")?.addEventListener("click", logOut);
document.addEventListener("visibilitychange", wakeOrSleep);
addEventListener("pageshow", (event) => event.persisted && wakeOrSleep());
addEventListener("online", wakeOrSleep);
wakeOrSleep();
