// What has been heard of the org's numbered messages. Changes are applied as they come, in any order (versions make
// that harmless); the numbers say whether something is missing. The rules are those of internal/feed's Screen.

export interface Sequence {
  readonly through: number; // everything up to here has been heard or was in the snapshot
  readonly ahead: readonly number[]; // heard beyond a hole, ascending
  readonly known: number; // highest number that the server is known to have given out
  readonly gapSince: number | null; // when something was first seen to be missing, on the page's clock in ms
}

export function from(seq: number): Sequence {
  return { through: seq, ahead: [], known: seq, gapSince: null };
}

function settle(s: Omit<Sequence, 'gapSince'>, since: number): Sequence {
  return { ...s, gapSince: s.through < s.known ? since : null };
}

// heard takes note of message seq at time now. The same sequence comes back for a message heard before.
export function heard(s: Sequence, seq: number, now: number): Sequence {
  if (seq <= s.through || s.ahead.includes(seq)) return s;
  const ahead = [...s.ahead, seq].sort((a, b) => a - b);
  let through = s.through;
  while (ahead[0] === through + 1) {
    through += 1;
    ahead.shift();
  }
  return settle({ through, ahead, known: Math.max(s.known, seq) }, s.gapSince ?? now);
}

// told takes note that the newest message of the org is seq, as asked when everything up to asked had been heard. A
// number below that means that the numbers began anew: all is missing.
export function told(s: Sequence, seq: number, asked: number, now: number): Sequence {
  if (seq < asked) return { ...s, gapSince: Number.NEGATIVE_INFINITY };
  return seq <= s.known ? s : settle({ ...s, known: seq }, s.gapSince ?? now);
}

// Messages of one moment may overtake each other; a hole older than this is a loss.
export const gapGraceMs = 700;

export function isGap(s: Sequence, now: number): boolean {
  return s.gapSince !== null && now - s.gapSince >= gapGraceMs;
}
