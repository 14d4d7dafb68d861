// The notice of first use: opens once in each browser, and with its button.

const KEY = "about-read";
const dialog = document.getElementById("about");

export function wireAbout() {
  document.getElementById("about-open").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", remember);
  if (!wasRead()) dialog.showModal();
}

// Storage may be forbidden. Then the notice opens each time.
function wasRead() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

function remember() {
  try {
    localStorage.setItem(KEY, "yes");
  } catch {
    return;
  }
}
