// Every sentence the page's scripts say.

export const states = {
  live: "Live",
  starting: "Starting",
  lost: "Camera lost",
  paused: "Paused",
  offline: "Reconnecting",
};

export const banners = {
  starting: "The camera is starting.",
  lost: "The camera is lost. The picture comes back by itself.",
  paused: "The camera is paused. Nothing is being looked at.",
  offline: "No connection to the device. Trying again …",
  full: "Every place to watch is taken. Close the page elsewhere; trying again …",
};

export const uncertain = "uncertain";
export const nobody = "Nobody in view";
export const mixed = "Hard to tell";
export const blind = "Not looking";
export const unknown = "–";

export const who = (id) => `Face ${id}`;
export const count = (faces) => (faces ? `${faces} ${faces === 1 ? "face" : "faces"}` : "");
export const percent = (share) => `${Math.round(share * 100)}%`;
export const milliseconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
export const level = (name, share) => `${name}: ${share > 0 ? percent(share) : "off"}`;
