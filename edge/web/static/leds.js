// The state of the LEDs: one dot for each, and one for the three channels of an RGB LED.

import { level } from "./strings.js";

const section = document.getElementById("leds");
const dots = document.getElementById("dots");
const CHANNELS = ["red", "green", "blue"];

export function showLeds(leds) {
  section.hidden = !leds || leds.mode === "off";
  if (section.hidden) return;
  const shown = leds.mode === "rgb" ? withOneRgb(leds.levels) : Object.entries(leds.levels);
  const names = shown.map(([name]) => name).join();
  if (dots.dataset.names !== names) {
    dots.replaceChildren(...shown.map(([name]) => dotOf(name)));
    dots.dataset.names = names;
  }
  shown.forEach(([name, share, colour], index) => setLevel(dots.children[index], name, share, colour));
}

function withOneRgb(levels) {
  const channels = CHANNELS.map((channel) => levels[channel] ?? 0);
  const strongest = Math.max(...channels);
  // The colour has full saturation and a screen's gamma; the brightness is separate.
  const parts = channels.map((channel) => Math.round(255 * (channel / (strongest || 1)) ** (1 / 2.2)));
  const others = Object.entries(levels).filter(([name]) => !CHANNELS.includes(name));
  return [["room", strongest, `rgb(${parts.join(" ")})`], ...others];
}

function dotOf(name) {
  const dot = document.createElement("li");
  dot.dataset.label = name;
  const light = document.createElement("span");
  light.className = "led";
  const caption = document.createElement("small");
  caption.textContent = name;
  dot.append(light, caption);
  return dot;
}

function setLevel(dot, name, share, colour) {
  dot.setAttribute("aria-label", level(name, share));
  dot.style.setProperty("--level", share);
  if (colour) dot.style.setProperty("--colour", colour);
}
