// What this browser remembers of the page. Storage may be forbidden. Then it remembers nothing.

export function isRemembered(key) {
  try {
    return localStorage.getItem(key) !== null;
  } catch {
    return false;
  }
}

export function remember(key) {
  try {
    localStorage.setItem(key, "yes");
  } catch {
    return;
  }
}
