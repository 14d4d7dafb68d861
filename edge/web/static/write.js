// Puts words and drawings where they belong, and touches nothing that says so already.

// Writing the same words again would make a screen reader say them again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Shows another drawing of faces.svg or signs.svg, whichever the element has.
export function setSign(element, name) {
  const use = element.querySelector("use");
  const href = use.getAttribute("href").replace(/#.*/, `#${name}`);
  if (href !== use.getAttribute("href")) use.setAttribute("href", href);
}
