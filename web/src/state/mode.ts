// What the page may claim, from three facts: the socket, the age of what is known, the store.

export type Mode = 'LIVE' | 'RESYNC' | 'POLLING' | 'RECONNECTING' | 'UNAVAILABLE';

export interface Facts {
  readonly socket: 'closed' | 'opening' | 'open';
  readonly synced: boolean; // a snapshot was applied on this socket, and no message is missing since
  readonly store: 'ok' | 'away';
  readonly readable: boolean; // the last answer was understood
  // Times below are on the page's own clock in ms; null = never.
  readonly saidAt: number | null; // the server last said anything over the socket
  readonly polledAt: number | null; // a snapshot last came without the socket
  readonly truthAt: number | null; // the board was last known to be whole
}

export const noFacts: Facts = {
  socket: 'closed',
  synced: false,
  store: 'ok',
  readable: true,
  saidAt: null,
  polledAt: null,
  truthAt: null,
};

// Silence on an open socket for longer than this is no longer live. A ping is answered every 3 s while the page is seen.
export const silentMs = 7_000;
// While the page is hidden and nobody is on duty, a ping goes every 30 s only.
export const silentHiddenMs = 45_000;
// A poll is made every 5 s.
export const pollFreshMs = 8_000;
// Nothing true for so long, by whatever way: the page looks as it does when the store is away.
export const lostMs = 15_000;

// modeAt says what the page may claim at now. since is when the page began to ask.
export function modeAt(f: Facts, now: number, since: number, hidden: boolean): Mode {
  if (f.store === 'away' || !f.readable) return 'UNAVAILABLE';
  const silent = hidden ? silentHiddenMs : silentMs;
  if (f.socket === 'open' && f.synced && f.saidAt !== null && now - f.saidAt <= silent) return 'LIVE';
  if (f.polledAt !== null && now - f.polledAt <= pollFreshMs) return 'POLLING';
  if (now - (f.truthAt ?? since) > lostMs) return 'UNAVAILABLE';
  if (f.socket === 'open' && !f.synced) return 'RESYNC';
  return 'RECONNECTING';
}

// mayChange says whether buttons that change something are offered.
export function mayChange(mode: Mode): boolean {
  return mode !== 'UNAVAILABLE';
}

// backoffMs is how long to wait before try n (from 0): full jitter below a ceiling that doubles from 0.5 s to 8 s.
export function backoffMs(n: number, random: number): number {
  return random * Math.min(8_000, 500 * 2 ** Math.min(n, 10));
}
