// Every part of Solewatch, for the fake system: all well, and a day of the canary's calls, of which one failed.
const needs = {
  canary: ['bridge', 'ingest', 'alarm', 'sns', 'table'],
  bridge: ['urgent-queue', 'track-queue', 'table'],
  ingest: ['urgent-queue', 'track-queue', 'table', 'steps-queue', 'sns'],
  alarm: ['steps-queue', 'table', 'sns'],
  watchdog: ['table', 'steps-queue', 'sns'],
  push: ['table', 'socket'],
  socket: ['table'],
  api: ['table', 'steps-queue'],
  'urgent-queue': [],
  'track-queue': [],
  'steps-queue': [],
  table: [],
  sns: [],
};

export function partsOf(nowMs) {
  const runs = Array.from({ length: 288 }, (_, i) => ({
    atMs: nowMs - (288 - i) * 300_000 + 240_000,
    pageMs: i === 200 ? 0 : 400 + ((i * 37) % 300),
    ...(i === 200 ? { why: 'page' } : {}),
  }));
  const last = runs.at(-1);
  return {
    nowMs,
    operators: 'north',
    parts: Object.entries(needs).map(([part, its]) => ({
      part,
      needs: its,
      state: part === 'socket' ? 'unknown' : 'ok',
      sinceMs: 0,
      heardMs: its.length > 0 ? nowMs - 20_000 : 0,
      ...(its.length > 0 ? { version: 'a1b2c3d4e5f6' } : {}),
      ...(part.endsWith('-queue') ? { queue: { waiting: 1, inFlight: 0, delayed: 2, dead: 0 } } : {}),
      ...(part === 'bridge'
        ? {
            instances: [
              {
                name: 'b-0a1b2c3d',
                version: 'a1b2c3d4e5f6',
                sinceMs: nowMs - 7_200_000,
                heardMs: nowMs - 20_000,
                connections: 42,
              },
            ],
          }
        : {}),
    })),
    audit: { atMs: nowMs - 20_000, open: 3, overdue: 0, oldestMs: 0, without: 0 },
    canary: { lastAtMs: last.atMs, pageMs: last.pageMs, everyMs: 300_000, late: false, p50Ms: 550, p95Ms: 690, runs },
    history: [
      { part: 'canary', atMs: nowMs - 26_000_000, from: 'away', to: 'ok' },
      { part: 'canary', atMs: nowMs - 26_300_000, from: 'ok', to: 'away', why: 'page' },
    ],
  };
}
