// The notice of first use: opened once on each phone, and again by whoever asks for it.

const KEY = "about-read";
const dialog = document.getElementById("about");

export function wireAbout() {
  document.getElementById("about-open").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", remember);
  if (!wasRead()) dialog.showModal();
}

// Storage may be forbidden; then the notice comes again next time, and nothing else is lost.
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
