// The last day or week as the device recorded it, by hours of the viewer's own time zone.

import { request, leaveIfLoggedOut } from "./api.js";

export const HOUR_S = 3600;
export const DAY_H = 24;
export const WEEK_D = 7;

// Returns the recorded hours of the last `count` by their start, null when there is no answer.
export async function fetchHours(count) {
  const response = await request(`api/history?hours=${count}`);
  if (!response || leaveIfLoggedOut(response.status) || !response.ok) return null;
  const now = Date.parse(response.headers.get("Date")) || Date.now(); // the device's clock counts
  const { minutes } = await response.json().catch(() => ({ minutes: [] }));
  return { now: now / 1000, records: new Map(minutes.map((record) => [record.t, record])) };
}

// Returns 24 hours, the present one last.
export function lastDay({ now, records }) {
  const last = Math.floor(now / HOUR_S) * HOUR_S;
  return Array.from({ length: DAY_H }, (_, n) => hourAt(records, last - (DAY_H - 1 - n) * HOUR_S));
}

// Returns 7 days of 24 hours from midnight, today last. An hour that a change to summer time leaves
// out has no record; of one that comes twice, the first is shown.
export function lastWeek({ now, records }) {
  const today = new Date(now * 1000);
  return Array.from({ length: WEEK_D }, (_, n) =>
    Array.from({ length: DAY_H }, (_, hour) => {
      const at = new Date(today.getFullYear(), today.getMonth(), today.getDate() - (WEEK_D - 1 - n), hour);
      return hourAt(records, Math.floor(at / 1000 / HOUR_S) * HOUR_S);
    }),
  ).flat();
}

function hourAt(records, t) {
  const record = records.get(t);
  const { watched_s: watchedS = 0, faces = 0, shares = {} } = record ?? {};
  return { t, watchedS, faces, shares: faces > 0 ? shares : {} };
}
