// The buttons below the video. They have no keyboard shortcuts: dictation, or a book on the keyboard,
// must not pause a camera.

import { post } from "./api.js";
import * as strings from "./strings.js";
import { setIcon } from "./dom.js";

const pauseButton = document.getElementById("pause");
const fullButton = document.getElementById("full");
const body = document.body;

let paused = false;
let waiting = false;
let onError = () => {};

// `showError` gets a sentence when a request fails.
export function wireControls(showError) {
  onError = showError;
  pauseButton.addEventListener("click", togglePause);
  fullButton.addEventListener("click", toggleFull);
  document.addEventListener("fullscreenchange", () => showFull(!!document.fullscreenElement));
  document.addEventListener("keydown", leave);
}

// The button shows the state of the camera, not what was clicked; null: the state is unknown.
export function showPaused(camera) {
  pauseButton.disabled = waiting || camera === null;
  if (camera === null || paused === ["pausing", "paused"].includes(camera)) return;
  paused = !paused;
  setIcon(pauseButton, paused ? "play" : "pause");
  pauseButton.querySelector("span").textContent = paused ? strings.resume : strings.pause;
  pauseButton.classList.toggle("strong", paused);
}

async function togglePause() {
  const [address, failed] = paused
    ? ["api/resume", strings.resumeFailed]
    : ["api/pause", strings.pauseFailed];
  const hadFocus = document.activeElement === pauseButton;
  pauseButton.disabled = waiting = true;
  try {
    await post(address);
  } catch (error) {
    onError(failed(error.message));
  }
  pauseButton.disabled = waiting = false;
  // A disabled button loses the focus, and a keyboard user would lose the place on the page.
  if (hadFocus && document.activeElement === document.body) pauseButton.focus();
}

// The whole page goes full screen, and its style shows the video and its controls only.
// An iPhone, which has no full screen for pages, shows the same in its window.
function toggleFull() {
  const wanted = !body.classList.contains("full");
  showFull(wanted);
  if (wanted) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
}

function showFull(full) {
  body.classList.toggle("full", full);
  setIcon(fullButton, full ? "shrink" : "expand");
  fullButton.setAttribute("aria-pressed", full);
  fullButton.title = full ? strings.leaveFullScreen : strings.fullScreen;
}

function leave(event) {
  if (event.key === "Escape" && body.classList.contains("full")) toggleFull();
}
