// The corners of a zone as lines that a person can type and read: "43.61720, 7.04970", latitude first, as on paper.
import type { Fault } from '../form-draft.ts';
import type { Ring } from './nouns.ts';

// written is ring as lines. The last corner of a closed ring is the first, and is not written again.
export function written(ring: Ring): string {
  return opened(ring)
    .map(([lon, lat]) => `${digits(lat)}, ${digits(lon)}`)
    .join('\n');
}

export function opened(ring: Ring): Ring {
  const [first, last] = [ring[0], ring.at(-1)];
  return ring.length > 1 && first && last && first[0] === last[0] && first[1] === last[1] ? ring.slice(0, -1) : ring;
}

// Seven digits after the point are a centimetre.
function digits(degrees: number): string {
  return String(Math.round(degrees * 1e7) / 1e7);
}

const point = /^([+-]?\d+(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d+(?:\.\d+)?)$/;
const comma = /^([+-]?\d+,\d+)\s*(?:;|\s)\s*([+-]?\d+,\d+)$/; // "43,6172; 7,0497", as a French spreadsheet has it

// read reads lines back. faults name the lines (from 1) that are no corner; the ring is that of the others.
export function read(lines: string): { readonly ring: Ring; readonly faults: readonly number[] } {
  const ring: (readonly [number, number])[] = [];
  const faults: number[] = [];
  lines.split('\n').forEach((raw, i) => {
    const line = raw.replace(/[°()]/g, ' ').trim();
    if (line === '') return;
    const found = comma.exec(line) ?? point.exec(line);
    const [lat, lon] = [found?.[1], found?.[2]].map((s) => Number((s ?? 'no').replace(',', '.')));
    if (lat === undefined || lon === undefined || !(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) faults.push(i + 1);
    else ring.push([lon, lat]);
  });
  return { ring, faults };
}

// cornersIn finds which corners (from 0) the server's faults are about: "ring[3]".
export function cornersIn(faults: readonly Fault[]): readonly number[] {
  return faults.flatMap((f) => {
    const found = /^ring\[(\d+)\]/.exec(f.at);
    return found?.[1] === undefined ? [] : [Number(found[1])];
  });
}

// sideNear is after which corner (from 0) a new one at p belongs: on the side that is nearest to it. Of fewer than three
// corners it is the last.
export function sideNear(ring: Ring, p: readonly [number, number]): number {
  if (ring.length < 3) return ring.length - 1;
  const k = Math.cos((p[1] * Math.PI) / 180);
  let best = ring.length - 1;
  let bestD = Number.POSITIVE_INFINITY;
  ring.forEach((a, i) => {
    const b = ring[(i + 1) % ring.length];
    if (!b) return;
    const [ax, ay] = [(a[0] - p[0]) * k, a[1] - p[1]];
    const [dx, dy] = [(b[0] - a[0]) * k, b[1] - a[1]];
    const len = dx * dx + dy * dy;
    const s = len === 0 ? 0 : Math.min(1, Math.max(0, -(ax * dx + ay * dy) / len));
    const d = (ax + s * dx) ** 2 + (ay + s * dy) ** 2;
    if (d < bestD) {
      bestD = d;
      best = i;
    }
  });
  return best;
}
