// Dialogs for browsers that have none, as Safari before 15.4: there `dialog` is an unknown element.

export function wireDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    if (!dialog.showModal) wire(dialog);
  }
}

// Gives the element what the page uses of a dialog: open, showModal, close, the event "close", the form
// that closes it, Escape, and the focus that stays within.
function wire(dialog) {
  let before = null; // what had the focus
  dialog.classList.add("drawn");
  dialog.setAttribute("role", "dialog");
  dialog.setAttribute("aria-modal", "true");
  dialog.tabIndex = -1;
  Object.defineProperty(dialog, "open", { get: () => dialog.hasAttribute("open"), configurable: true });
  dialog.showModal = () => {
    before = document.activeElement;
    dialog.setAttribute("open", "");
    coverOthers(dialog, true);
    focusIn(dialog);
  };
  dialog.close = () => {
    if (!dialog.hasAttribute("open")) return;
    dialog.removeAttribute("open");
    coverOthers(dialog, false);
    if (before) before.focus();
    dialog.dispatchEvent(new Event("close"));
  };
  dialog.addEventListener("submit", (event) => {
    if (event.target.getAttribute("method") !== "dialog") return;
    event.preventDefault();
    dialog.close();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && dialog.close());
  document.addEventListener("focusin", (event) => {
    if (dialog.hasAttribute("open") && !dialog.contains(event.target)) focusIn(dialog);
  });
}

function focusIn(dialog) {
  (dialog.querySelector("[autofocus]") || dialog).focus();
}

// The rest of the page can be neither clicked nor read aloud.
function coverOthers(dialog, covered) {
  for (const element of document.body.children) {
    if (element === dialog) continue;
    element.classList.toggle("covered", covered);
    if (covered) element.setAttribute("aria-hidden", "true");
    else element.removeAttribute("aria-hidden");
  }
}
