// The LEDs as the device drives them: a dot for each, or one for the three legs of an RGB LED.

import { level } from "./words.js";

const section = document.getElementById("leds");
const dots = document.getElementById("dots");
const LEGS = ["red", "green", "blue"];

export function showLeds(leds) {
  section.hidden = !leds || leds.mode === "off";
  if (section.hidden) return;
  const lamps = leds.mode === "rgb" ? asOneLamp(leds.levels) : Object.entries(leds.levels);
  const names = lamps.map(([name]) => name).join();
  if (dots.dataset.names !== names) {
    dots.replaceChildren(...lamps.map(([name]) => dotOf(name)));
    dots.dataset.names = names;
  }
  lamps.forEach(([name, share, colour], index) => light(dots.children[index], name, share, colour));
}

function asOneLamp(levels) {
  const legs = LEGS.map((leg) => levels[leg] ?? 0);
  const strongest = Math.max(...legs);
  // Full saturation in the colour, the brightness apart, and a screen's gamma: as the eye sees it.
  const parts = legs.map((leg) => Math.round(255 * (leg / (strongest || 1)) ** (1 / 2.2)));
  const others = Object.entries(levels).filter(([name]) => !LEGS.includes(name));
  return [["room", strongest, `rgb(${parts.join(" ")})`], ...others];
}

function dotOf(name) {
  const dot = document.createElement("li");
  dot.dataset.label = name;
  const lamp = document.createElement("span");
  lamp.className = "led";
  const caption = document.createElement("small");
  caption.textContent = name;
  dot.append(lamp, caption);
  return dot;
}

function light(dot, name, share, colour) {
  dot.setAttribute("aria-label", level(name, share));
  dot.style.setProperty("--level", share);
  if (colour) dot.style.setProperty("--colour", colour);
}
