// The owner's settings: a dialog that shows the values in force, and sends each change at once.

import { leaveIfLoggedOut, post, request } from "./api.js";
import * as strings from "./strings.js";
import { setText } from "./dom.js";

const ADDRESS = "api/settings";
const SLIDER_MS = 250; // an arrow key that is held down changes it many times a second
const TIME_MS = 1000; // a time is complete, and wrong, while it is typed

const dialog = document.getElementById("settings");
const at = (id) => document.getElementById(`set-${id}`);

let shown = null; // what the device answered last
let version = null;
let timer = 0; // of a change that is not sent yet
let changes = 0; // sent so far
let onError = () => {};

// `showError` gets a sentence when the settings cannot be read.
export function wireSettings(showError) {
  if (!dialog) return;
  onError = showError;
  document.getElementById("settings-open").addEventListener("click", open);
  at("brightness").addEventListener("input", showPercent);
  at("brightness").addEventListener("change", changeBrightness);
  at("privacy").addEventListener("change", (event) => change({ privacy: event.target.value }));
  at("smoothing").addEventListener("change", (event) => change({ smoothing: event.target.value }));
  at("keep").addEventListener("change", (event) => change({ keep_pause: event.target.checked }));
  at("daily").addEventListener("change", changeSchedule);
  for (const id of ["from", "until"]) at(id).addEventListener("change", () => later(TIME_MS, changeSchedule));
  at("reset").addEventListener("click", reset);
}

// Reads the settings again when another page, or MQTT, has changed them.
export function followSettings(newest) {
  if (dialog?.open && !timer && version !== null && newest !== version) read();
  version = newest;
}

async function open() {
  if ((await read()) && !dialog.open) dialog.showModal();
}

async function read() {
  const asked = changes;
  const response = await request(ADDRESS);
  if (response && leaveIfLoggedOut(response.status)) return false;
  if (response?.ok) show(await response.json(), asked);
  else onError(strings.settingsUnknown);
  return response?.ok;
}

async function change(values) {
  const asked = ++changes;
  setText(at("told"), "");
  try {
    const settings = await post(ADDRESS, values);
    if (!settings) return;
    show(settings, asked);
    setText(at("told"), strings.settingsSaved);
  } catch (error) {
    if (shown) show(shown, asked);
    setText(at("told"), strings.settingsFailed(error.message));
  }
}

function changeBrightness() {
  later(SLIDER_MS, () => change({ brightness: at("brightness").value / 100 }));
}

// Calls `send` once nothing has changed for so long.
function later(pauseMs, send) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = 0;
    send();
  }, pauseMs);
}

function changeSchedule() {
  const [from, until] = [at("from").value, at("until").value];
  at("times").hidden = !at("daily").checked;
  if (!at("daily").checked) change({ pause_from: "none", pause_until: "none" });
  else if (from && until) change({ pause_from: from, pause_until: until });
}

function reset() {
  change(Object.fromEntries(Object.keys(shown.values).map((name) => [name, null])));
}

// Shows what the device answered, unless something was changed since it was asked.
function show(found, asked) {
  shown = found;
  if (timer || asked !== changes) return;
  const { values } = found;
  const hasLeds = values.brightness !== null;
  at("leds").hidden = !hasLeds;
  at("no-leds").hidden = hasLeds;
  if (hasLeds) at("brightness").value = Math.round(values.brightness * 100);
  showPercent();
  for (const option of at("privacy").options) option.disabled = !found.privacy_modes.includes(option.value);
  at("floor").hidden = found.privacy_modes.includes("off");
  at("privacy").value = values.privacy;
  at("smoothing").value = values.smoothing;
  at("keep").checked = values.keep_pause;
  const isDaily = values.pause_from !== "none";
  at("daily").checked = isDaily;
  at("times").hidden = !isDaily;
  if (isDaily) [at("from").value, at("until").value] = [values.pause_from, values.pause_until];
  at("reset").disabled = !Object.values(found.from).some((origin) => ["page", "MQTT"].includes(origin));
}

function showPercent() {
  const text = `${at("brightness").value}%`;
  setText(at("percent"), text);
  at("brightness").setAttribute("aria-valuetext", text);
}
