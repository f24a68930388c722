// The server's time on a machine whose own clock may be wrong. Anchored to performance.now(), which nobody sets.

export interface Clock {
  readonly offset: number | null; // server's Unix ms minus performance.now(); null before the first answer
  readonly rtt: number; // of the answer that gave it, ms: half of it is the error at most
  readonly at: number; // when, by performance.now()
  readonly drift: number; // Date.now() minus performance.now() at that moment: shows a sleep
}

export const noClock: Clock = { offset: null, rtt: Number.POSITIVE_INFINITY, at: 0, drift: 0 };

// An answer older than this gives way to a newer one even with a longer way.
const staleMs = 120_000;

// sample takes note of an answer: asked and answered by performance.now(), the server's time in it, Date.now() now.
export function sample(c: Clock, asked: number, answered: number, nowMs: number, wall: number): Clock {
  const rtt = answered - asked;
  if (c.offset !== null && rtt > c.rtt && answered - c.at < staleMs) return c;
  return { offset: nowMs - (asked + answered) / 2, rtt, at: answered, drift: wall - answered };
}

// A clock that performance.now() cannot carry through a sleep jumps by this much or more against Date.now().
export const sleptMs = 3_000;

// slept is how long the machine slept since the last answer, as far as the two clocks of the page tell, in ms.
// Somebody who sets the PC's clock looks the same; the next answer puts it right.
export function slept(c: Clock, perf: number, wall: number): number {
  if (c.offset === null) return 0;
  const jump = wall - perf - c.drift;
  return Math.abs(jump) >= sleptMs ? jump : 0;
}

// serverNow is the server's time. After a sleep the slept time is added until the server has answered: an age shown
// too old is safe, one shown too young is not. Before the first answer it is null, and no age is shown.
export function serverNow(c: Clock, perf: number, wall: number): number | null {
  if (c.offset === null) return null;
  return c.offset + perf + Math.max(0, slept(c, perf, wall));
}
