// The last ten minutes as the device counted them: records of a few seconds, gathered in columns.

import { ask, isOut } from "./door.js";

export const COLUMNS = 60;
export const COLUMN_S = 10;
const SPAN_S = COLUMNS * COLUMN_S;
const OVERLAP_S = 15; // the newest record may still have been growing when we last asked

export class History {
  #records = new Map(); // by the start of each, in the device's own seconds since 1970
  #aheadS = 0; // of the device's clock before ours: a Pi without network may be years behind

  // Asks for what is missing since last time, all of it after a sleep; keeps what it has on failure.
  async refresh() {
    const missingS = this.now() - Math.max(0, ...this.#records.keys()) + OVERLAP_S;
    const seconds = Math.ceil(Math.min(Math.max(missingS, OVERLAP_S), SPAN_S));
    const address = `/api/history?seconds=${seconds}&step=5`;
    const answer = await ask(address);
    if (!answer || isOut(answer.status) || !answer.ok) return;
    const date = Date.parse(answer.headers.get("Date"));
    if (date) this.#aheadS = (date - Date.now()) / 1000;
    const { minutes } = await answer.json().catch(() => ({ minutes: [] }));
    for (const record of minutes) this.#records.set(record.t, record);
    for (const t of this.#records.keys()) {
      if (t < this.now() - SPAN_S - COLUMN_S || t > this.now() + COLUMN_S) this.#records.delete(t);
    }
  }

  // The device's time.
  now() {
    return Date.now() / 1000 + this.#aheadS;
  }

  // COLUMNS of {watched, faceTime, shares}, the oldest first; their bounds stay put while time goes
  // on. Nobody watches while the camera is paused or lost.
  columns() {
    const end = Math.floor(this.now() / COLUMN_S) + 1;
    const columns = Array.from({ length: COLUMNS }, () => ({ watched: false, faceTime: 0, shares: {} }));
    for (const record of this.#records.values()) {
      const column = columns[Math.floor(record.t / COLUMN_S) - end + COLUMNS];
      if (!column) continue;
      column.watched = true;
      add(column, record.shares, record.faces * record.watched_s);
    }
    return columns;
  }
}

// The mean of all columns, weighted by how many faces were in view for how long.
export function overall(columns) {
  const sum = { faceTime: 0, shares: {} };
  for (const { shares, faceTime } of columns) add(sum, shares, faceTime);
  return sum;
}

// [label, share] of what was seen, the largest first; what rounds to 0% is left out.
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
