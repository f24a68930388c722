// A position in words: which zone it is in, or how far it is from the nearest one.

export interface Point {
  readonly lat: number; // degrees, WGS 84
  readonly lon: number;
}

export interface Zone {
  readonly zone: string;
  readonly name: string;
  readonly team?: string;
  readonly danger?: boolean;
  readonly ring: readonly (readonly [number, number])[]; // closed, [lon, lat]
}

export type Compass = 'n' | 'ne' | 'e' | 'se' | 's' | 'sw' | 'w' | 'nw';
const compass: readonly Compass[] = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'];

export type Place =
  | { readonly kind: 'in'; readonly zone: string }
  | { readonly kind: 'near'; readonly zone: string; readonly metres: number; readonly towards: Compass }
  | { readonly kind: 'point'; readonly point: Point };

// A position as alarms and people have it.
export interface Located {
  readonly lat?: number;
  readonly lon?: number;
  readonly accuracyM?: number;
  readonly fixAtMs?: number; // when it was true
}

// whereNow is the newer of where an alarm was raised and where its worker has been seen since: whoever goes there wants the latter.
export function whereNow(raised: Located, live: Located | undefined): Located {
  return live?.lat !== undefined && (live.fixAtMs ?? 0) > (raised.fixAtMs ?? 0) ? live : raised;
}

const earthM = 6_371_008.8;
const rad = Math.PI / 180;

// distanceM is the great-circle distance in metres.
export function distanceM(a: Point, b: Point): number {
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * earthM * Math.asin(Math.min(1, Math.sqrt(h)));
}

// towards is the point of the compass in which b lies from a.
export function towards(a: Point, b: Point): Compass {
  const dLon = (b.lon - a.lon) * rad;
  const y = Math.sin(dLon) * Math.cos(b.lat * rad);
  const x =
    Math.cos(a.lat * rad) * Math.sin(b.lat * rad) - Math.sin(a.lat * rad) * Math.cos(b.lat * rad) * Math.cos(dLon);
  const degrees = (Math.atan2(y, x) / rad + 360) % 360;
  return compass[Math.round(degrees / 45) % 8] ?? 'n';
}

export function inside(p: Point, ring: Zone['ring']): boolean {
  let within = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const a = ring[i];
    const b = ring[j];
    if (!a || !b) continue;
    if (a[1] > p.lat !== b[1] > p.lat && p.lon < ((b[0] - a[0]) * (p.lat - a[1])) / (b[1] - a[1]) + a[0])
      within = !within;
  }
  return within;
}

function nearestM(p: Point, ring: Zone['ring']): { metres: number; at: Point } | null {
  let best: { metres: number; at: Point } | null = null;
  const k = Math.cos(p.lat * rad);
  for (let i = 1; i < ring.length; i += 1) {
    const a = ring[i - 1];
    const b = ring[i];
    if (!a || !b) continue;
    // On a plane that touches the ground at p: good to a metre over the few kilometres that matter.
    const ax = (a[0] - p.lon) * k;
    const ay = a[1] - p.lat;
    const dx = (b[0] - a[0]) * k;
    const dy = b[1] - a[1];
    const len = dx * dx + dy * dy;
    const t = len === 0 ? 0 : Math.min(1, Math.max(0, -(ax * dx + ay * dy) / len));
    const at = { lon: p.lon + (ax + t * dx) / k, lat: p.lat + ay + t * dy };
    const metres = distanceM(p, at);
    if (best === null || metres < best.metres) best = { metres, at };
  }
  return best;
}

// Farther than this from every zone, coordinates say more.
const farM = 20_000;

// placeOf puts p in words. Of several zones around it the smallest is the most telling.
export function placeOf(p: Point, zones: readonly Zone[]): Place {
  const around = zones.filter((z) => inside(p, z.ring));
  if (around.length > 0) {
    const smallest = around.reduce((a, b) => (size(b) < size(a) ? b : a));
    return { kind: 'in', zone: smallest.name };
  }
  let best: Place | null = null;
  let bestM = farM;
  for (const z of zones) {
    const near = nearestM(p, z.ring);
    if (near && near.metres < bestM) {
      bestM = near.metres;
      best = { kind: 'near', zone: z.name, metres: near.metres, towards: towards(near.at, p) };
    }
  }
  return best ?? { kind: 'point', point: p };
}

function size(z: Zone): number {
  const lon = z.ring.map((p) => p[0]);
  const lat = z.ring.map((p) => p[1]);
  return (Math.max(...lon) - Math.min(...lon)) * (Math.max(...lat) - Math.min(...lat));
}
