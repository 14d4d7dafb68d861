// The check that greets the owner once: the camera sees a face, the LEDs light, the privacy modes. One
// step is open at a time.

import { post } from "./api.js";
import { setText } from "./dom.js";
import { isRemembered, remember } from "./remembered.js";
import * as strings from "./strings.js";

const KEY = "first-minute-done"; // of a device that cannot keep it
const DEMO = "demo scene";

const section = document.getElementById("first-minute");
const at = (id) => document.getElementById(`first-minute-${id}`);
const steps = section ? [...section.querySelectorAll("li")] : [];
const passed = new Set(); // the numbers of the steps that went well

export function wireFirstMinute() {
  if (!section) return;
  if (isRemembered(KEY)) return hide();
  section.querySelectorAll("[data-next]").forEach((button, n) => button.addEventListener("click", () => openStep(n + 1)));
  at("close").addEventListener("click", finish);
  at("done").addEventListener("click", finish);
  if (at("test")) at("test").addEventListener("click", testLeds);
  openStep(0, false);
}

// `status` is null without a connection.
export function showFirstMinute(status) {
  if (!section || section.hidden) return;
  const seen = status && status.health.healthy && status.snapshot ? status.snapshot.faces.length : 0;
  section.classList.toggle("seen", seen > 0);
  if (seen) passed.add(0);
  setText(at("camera"), strings.cameraCheck(status, seen, status && status.health.source === DEMO));
  if (!status) return;
  for (const mode of section.querySelectorAll("[data-mode]")) {
    mode.classList.toggle("chosen", mode.dataset.mode === status.privacy);
  }
}

function openStep(index, focus = true) {
  steps.forEach((step, n) => {
    step.classList.toggle("open", n === index);
    step.classList.toggle("done", n < index && passed.has(n));
    if (n === index) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  });
  if (focus) steps[index].querySelector("h3").focus();
}

async function testLeds() {
  at("test").disabled = true;
  try {
    const test = await post("api/leds/test");
    if (test) await follow(test);
  } catch (error) {
    setText(at("lit"), strings.ledTestFailed(error.message));
  }
  at("test").disabled = false;
  if (document.activeElement === document.body) at("test").focus();
}

// Names each LED while it is lit.
async function follow({ leds, each_s: each, together_s: together, simulated }) {
  for (const { name, pin } of leds) {
    setText(at("lit"), strings.ledLit(name, pin));
    await wait(each);
  }
  setText(at("lit"), strings.allLedsLit);
  await wait(together);
  passed.add(1);
  setText(at("lit"), simulated ? strings.simulatedLeds : strings.ledsTested);
}

function wait(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

// Ends the check on every screen. A device that cannot keep that is spared another greeting here.
async function finish() {
  hide();
  document.querySelector("h1").focus();
  const answer = await post("api/first-minute").catch(() => null);
  if (!answer || !answer.kept) remember(KEY);
}

function hide() {
  section.hidden = true;
  section.parentElement.classList.remove("greets");
}
