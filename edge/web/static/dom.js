// Changes texts and icons, and leaves those that are right already; makes shapes of a drawing.

// A screen reader would read the same text again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Shows another icon of the element's file, faces.svg or signs.svg.
export function setIcon(element, name) {
  const use = element.querySelector("use");
  const href = use.getAttribute("href").replace(/#.*/, `#${name}`);
  if (href !== use.getAttribute("href")) use.setAttribute("href", href);
}

// Whether a keyboard gave the element its focus. Where a browser cannot tell, the answer is yes.
export function hasKeyboardFocus(element) {
  try {
    return element.matches(":focus-visible");
  } catch {
    return true;
  }
}

export function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
