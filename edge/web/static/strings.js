// Every string that the page's scripts show. The other texts are in the page's template.

export const states = {
  live: "Live",
  late: "Late",
  starting: "Starting",
  lost: "Disconnected",
  pausing: "Closing",
  paused: "Paused",
  offline: "Reconnecting",
};

export const banners = {
  late: "No new frame: the newest is some seconds old.",
  starting: "The camera is starting.",
  lost: "Camera disconnected. Reconnecting …",
  pausing: "The camera is closing. Until then it may be on.",
  paused: "The camera is paused and off.",
  offline: "No connection to the device. Reconnecting …",
  crowded: "Three windows of this browser show the video already. Close or hide one to see it here.",
  full: "Too many viewers. Close the page on another device. Retrying …",
};

export const alerts = {
  hot: "The device is hot and works more slowly.",
  throttled: "The board is throttled: it is too hot, or its power supply is too weak.",
  failing: (outputs) => `Failing outputs: ${outputs.join(", ")}.`,
};

export const pause = "Pause";
export const resume = "Resume";
export const pauseFailed = (why) => `The camera could not be paused: ${why}`;
export const resumeFailed = (why) => `The camera could not be resumed: ${why}`;
export const logOutFailed = (why) => `You are still logged in: ${why}`;
export const noResponse = "the device does not respond.";
export const refused = (status) => `the device refused the request (${status}).`;

export const regionsFailed = (why) => `The ignored regions could not be saved: ${why}`;
export const regionsUnknown = "The ignored regions could not be read.";
export const region = (number, [x1, y1, x2, y2]) =>
  `Ignored region ${number}: from ${percent(x1)} to ${percent(x2)} across, ${percent(y1)} to ${percent(y2)} down`;

// The check of the first minute.

export function cameraCheck(status, seen, isDemo) {
  if (!status) return banners.offline;
  const faces = `${seen} ${isDemo ? "drawn " : ""}${seen === 1 ? "face" : "faces"}`;
  if (seen) return `The ${isDemo ? "demo" : "camera"} sees ${faces}.`;
  return status.health.healthy ? "No face in view yet." : banners[status.health.camera];
}

export const ledLit = (name, pin) => `Now: ${name} (${pin})`;
export const allLedsLit = "Now: all together";
export const ledsTested = "Did each one light when it was named? If not, check its wire, and its pin in the settings.";
export const simulatedLeds = "No LED is connected here: they are drawn on this page and in the terminal.";
export const ledTestFailed = (why) => `The LEDs could not be tested: ${why}`;
export const settingsSaved = "Saved.";
export const settingsFailed = (why) => `Not saved: ${why}`;
export const settingsUnknown = "The settings could not be read.";

export const pausedBy = {
  schedule: (until) => `The camera is off until ${until}, as scheduled. Resume opens it until the next pause.`,
  clock: () => "The camera is off: the schedule needs the time of day, and the device's clock is not set.",
};

export const fullScreen = "Full screen";
export const leaveFullScreen = "Leave full screen";

export const uncertain = "uncertain";
export const noFace = "No face in view";
export const unclear = "Unclear";
export const noData = "No live data";
export const unknown = "–";

export const faceNumber = (id) => `Face ${id}`;
export const count = (faces) => (faces ? ` · ${faces} ${faces === 1 ? "face" : "faces"}` : "");
export const percent = (share) => `${Math.round(share * 100)}%`;
export const milliseconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
export const celsius = (degrees) => `${degrees.toFixed(0)} °C`;
export const level = (name, share) => `${name}: ${share > 0 ? percent(share) : "off"}`;

// The timeline. `shares` are [label, share], the largest first.

export const emptyHistory = "Last 10 minutes: no faces";
export const emptyMoment = (when, { watched }) => `${when}: ${watched ? "no faces" : "no data"}`;

export function history(shares) {
  const [first, second] = shares.map(([label, share]) => `${label} (${percent(share)})`);
  return `Last 10 minutes: mostly ${first}${second ? `, then ${second}` : ""}`;
}

export function moment(secondsAgo) {
  if (secondsAgo < 10) return "now";
  const minutes = Math.floor(secondsAgo / 60);
  const seconds = secondsAgo % 60;
  return `${[minutes && `${minutes} min`, seconds && `${seconds} s`].filter(Boolean).join(" ")} ago`;
}

export function spokenMoment(when, column, shares) {
  if (!column.faceTime) return emptyMoment(when, column);
  return `${when}: ${shares.map(([label, share]) => `${label} ${percent(share)}`).join(", ")}`;
}

// The day and the week.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayName = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayAndHour = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });

export const hour = (t) => clock.format(t * 1000);
export const weekday = (t) => dayName.format(t * 1000);
export const pastTime = (t) => dayAndHour.format(t * 1000);
export const minutes = (seconds) => `${Math.round(seconds / 60)} min`;
export const pastHint = "Tap an hour for its numbers.";

export function past(span, shares) {
  const when = span === "day" ? "Last 24 hours" : "Last 7 days";
  const [first, second] = shares.map(([label, share]) => `${label} (${percent(share)})`);
  return first ? `${when}: mostly ${first}${second ? `, then ${second}` : ""}` : `${when}: no faces`;
}

// Says from when on there are records, where most of the span is before that.
export function since(hours) {
  const first = hours.findIndex(({ watchedS }) => watchedS > 0);
  if (first < 0) return "No records yet.";
  return first > hours.length / 2 ? `Recorded since ${pastTime(hours[first].t)}` : "";
}

export function pastHour({ t, watchedS, faces }, shares) {
  const when = pastTime(t);
  if (!watchedS) return `${when}: not watched`;
  const watched = `watched ${minutes(watchedS)}`;
  if (!shares.length) return `${when}: no faces, ${watched}`;
  const said = shares.map(([label, share]) => `${label} ${percent(share)}`).join(", ");
  return `${when}: ${said}; ${faces.toFixed(1)} faces on average, ${watched}`;
}
