// The buttons at the picture. They have no letters of their own: somebody who dictates or leans on
// the keyboard must not pause a camera.

import { post } from "./door.js";
import * as words from "./words.js";
import { setSign } from "./write.js";

const pauseButton = document.getElementById("pause");
const fullButton = document.getElementById("full");
const body = document.body;

let paused = false;
let asking = false;
let told = () => {};

// `onTrouble` is told a sentence when the device does not do as it was asked.
export function wireControls(onTrouble) {
  told = onTrouble;
  pauseButton.addEventListener("click", togglePause);
  fullButton.addEventListener("click", toggleFull);
  document.addEventListener("fullscreenchange", () => showFull(!!document.fullscreenElement));
  document.addEventListener("keydown", leave);
}

// The button follows what the device says of its camera, not what was clicked; null: it says nothing.
export function showPaused(camera) {
  pauseButton.disabled = asking || camera === null;
  if (camera === null || paused === ["pausing", "paused"].includes(camera)) return;
  paused = !paused;
  setSign(pauseButton, paused ? "play" : "pause");
  pauseButton.querySelector("span").textContent = paused ? words.resume : words.pause;
  pauseButton.classList.toggle("strong", paused);
}

async function togglePause() {
  const [address, failed] = paused
    ? ["/api/resume", words.resumeFailed]
    : ["/api/pause", words.pauseFailed];
  const hadFocus = document.activeElement === pauseButton;
  pauseButton.disabled = asking = true;
  try {
    await post(address);
  } catch (problem) {
    told(failed(problem.message));
  }
  pauseButton.disabled = asking = false;
  // A disabled button loses the focus, and with it a keyboard its place on the page.
  if (hadFocus && document.activeElement === document.body) pauseButton.focus();
}

// The whole page goes full screen, and its style leaves only the picture and what belongs to it.
// So an iPhone, which has no full screen for pages, shows the same in its window.
function toggleFull() {
  const wanted = !body.classList.contains("full");
  showFull(wanted);
  if (wanted) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
}

function showFull(full) {
  body.classList.toggle("full", full);
  setSign(fullButton, full ? "shrink" : "expand");
  fullButton.setAttribute("aria-pressed", full);
  fullButton.title = full ? words.leaveFullScreen : words.fullScreen;
}

function leave(event) {
  if (event.key === "Escape" && body.classList.contains("full")) toggleFull();
}
