// Shares one event stream between the windows of a browser, and limits their videos.
//
// A browser opens at most six connections to a device over http. Each video takes one and the shared
// event stream another, so that with three videos two are left for everything else.
//
// A window sends `enter`, `listen` with the address of the events, `here` when it has got an event,
// and `leave`. It gets `place`, with the viewer's name for its video or null; `data`, an event; and
// `failed`, after which it listens again.

const MOST_VIDEOS = 3;
const GONE_MS = 20000; // a window that sends nothing for this long has crashed

const browser = Math.random().toString(36).slice(2);
const viewers = Array.from({ length: MOST_VIDEOS }, (_, index) => `${browser}-${index + 1}`);
const windows = new Map(); // from a window's port to { viewer, listens, heardAt }
let source = null;

function hear(port, { type, address }) {
  if (type === "leave") {
    windows.delete(port);
  } else {
    if (!windows.has(port)) windows.set(port, { viewer: undefined, listens: false, heardAt: 0 });
    windows.get(port).heardAt = Date.now();
  }
  if (type === "listen") {
    windows.get(port).listens = true;
    listen(address);
  }
  givePlaces();
  if (!windows.size) stop();
}

function listen(address) {
  if (source) return;
  source = new EventSource(`${address}?${viewers.map((viewer) => `viewer=${viewer}`).join("&")}`);
  source.onmessage = ({ data }) => {
    for (const [port, { heardAt }] of windows) {
      // A clock that was set back must not keep a window for ever.
      if (Math.abs(Date.now() - heardAt) > GONE_MS) windows.delete(port);
    }
    tell({ type: "data", data });
    givePlaces();
  };
  source.onerror = () => {
    stop();
    tell({ type: "failed" });
  };
}

function stop() {
  source?.close();
  source = null;
}

function tell(message) {
  for (const [port, { listens }] of windows) if (listens) port.postMessage(message);
}

function givePlaces() {
  for (const [port, own] of windows) {
    if (own.viewer) continue;
    const taken = [...windows.values()].map(({ viewer }) => viewer);
    const free = viewers.find((viewer) => !taken.includes(viewer)) ?? null;
    if (free !== own.viewer) {
      own.viewer = free;
      port.postMessage({ type: "place", viewer: free });
    }
  }
}

onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => hear(port, data);
};
