// Every sentence the page's scripts say. What stands on the page from the start is in its template.

export const states = {
  live: "Live",
  late: "Late",
  starting: "Starting",
  lost: "Camera lost",
  pausing: "Closing",
  paused: "Paused",
  offline: "Reconnecting",
};

export const banners = {
  late: "No new picture: the newest one is some seconds old.",
  starting: "The camera is starting.",
  lost: "The camera is lost. The picture comes back by itself.",
  pausing: "The camera is being closed. Until then it may be on.",
  paused: "The camera is paused. Nothing is being looked at.",
  offline: "No connection to the device. Trying again …",
  full: "Every place to watch is taken. Close the page elsewhere; trying again …",
};

export const notes = {
  hot: "Hot: working slower to stay cool.",
  throttled: "The board slows itself down: it is too hot, or its power supply too weak.",
  failing: (outputs) => `Not working at the moment: ${outputs.join(", ")}.`,
};

export const pause = "Pause";
export const resume = "Resume";
export const pauseFailed = (why) => `The camera could not be paused: ${why}`;
export const resumeFailed = (why) => `The camera could not be resumed: ${why}`;
export const logOutFailed = (why) => `You are still logged in: ${why}`;
export const noAnswer = "the device does not answer.";
export const refused = (status) => `the device refused (${status}).`;

export const fullScreen = "Full screen";
export const leaveFullScreen = "Leave full screen";

export const uncertain = "uncertain";
export const nobody = "Nobody in view";
export const mixed = "Hard to tell";
export const blind = "Not looking";
export const unknown = "–";

export const who = (id) => `Face ${id}`;
export const count = (faces) => (faces ? ` · ${faces} ${faces === 1 ? "face" : "faces"}` : "");
export const percent = (share) => `${Math.round(share * 100)}%`;
export const milliseconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
export const celsius = (degrees) => `${degrees.toFixed(0)} °C`;
export const level = (name, share) => `${name}: ${share > 0 ? percent(share) : "off"}`;

// The timeline. `shares` are [label, share], the largest first.

export const emptyHistory = "Last 10 minutes: nobody was seen";
export const emptyMoment = (when, { watched }) => `${when}: ${watched ? "nobody seen" : "not looking"}`;

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

export function momentAloud(when, column, shares) {
  if (!column.faceTime) return emptyMoment(when, column);
  return `${when}: ${shares.map(([label, share]) => `${label} ${percent(share)}`).join(", ")}`;
}
