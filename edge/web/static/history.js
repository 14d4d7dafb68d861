// The last ten minutes as the device recorded them: records of five seconds, added up in columns.

import { request, leaveIfLoggedOut } from "./api.js";

export const COLUMNS = 60;
export const COLUMN_S = 10;
const SPAN_S = COLUMNS * COLUMN_S;
const OVERLAP_S = 15; // the newest record may not have been complete at the last request

export class History {
  constructor() {
    this._records = new Map(); // by their start, in Unix seconds of the device's clock
    this._aheadS = 0; // the device's clock minus ours: a Pi without a network may be years behind
  }

  // Requests the records since the last time; keeps the present ones on failure.
  async refresh() {
    const missingS = this.now() - Math.max(0, ...this._records.keys()) + OVERLAP_S;
    const seconds = Math.ceil(Math.min(Math.max(missingS, OVERLAP_S), SPAN_S));
    const address = `api/history?seconds=${seconds}&step=5`;
    const response = await request(address);
    if (!response || leaveIfLoggedOut(response.status) || !response.ok) return;
    const date = Date.parse(response.headers.get("Date"));
    if (date) this._aheadS = (date - Date.now()) / 1000;
    const { minutes } = await response.json().catch(() => ({ minutes: [] }));
    for (const record of minutes) this._records.set(record.t, record);
    for (const t of this._records.keys()) {
      if (t < this.now() - SPAN_S - COLUMN_S || t > this.now() + COLUMN_S) this._records.delete(t);
    }
  }

  // The device's time.
  now() {
    return Date.now() / 1000 + this._aheadS;
  }

  // Returns COLUMNS of {watched, faceTime, shares}, the oldest first. Their bounds are multiples of
  // COLUMN_S. A column without a record, as of a paused camera, is not watched.
  columns() {
    const end = Math.floor(this.now() / COLUMN_S) + 1;
    const columns = Array.from({ length: COLUMNS }, () => ({ watched: false, faceTime: 0, shares: {} }));
    for (const record of this._records.values()) {
      const column = columns[Math.floor(record.t / COLUMN_S) - end + COLUMNS];
      if (!column) continue;
      column.watched = true;
      add(column, record.shares, record.faces * record.watched_s);
    }
    return columns;
  }
}

// Returns the mean of all columns, weighted by the time that faces were in view.
export function overall(columns) {
  const sum = { faceTime: 0, shares: {} };
  for (const { shares, faceTime } of columns) add(sum, shares, faceTime);
  return sum;
}

// Returns [label, share], the largest first, without those that round to 0%.
export function ranked({ shares }) {
  return Object.entries(shares)
    .filter(([, share]) => share >= 0.005)
    .sort(([, a], [, b]) => b - a);
}

function add(sum, shares, faceTime) {
  if (!(faceTime > 0)) return;
  sum.faceTime += faceTime;
  for (const [label, share] of Object.entries(shares)) {
    const before = sum.shares[label] ?? 0;
    sum.shares[label] = before + (share - before) * (faceTime / sum.faceTime);
  }
}
