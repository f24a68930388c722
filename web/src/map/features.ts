// What is known, as the shapes that the map draws. Pure.
import type { Feature, FeatureCollection, Point as GeoPoint } from 'geojson';
import type { Position } from '../api/client.ts';
import { freshness, standing } from '../state/people.ts';
import { whereNow, type Zone } from '../state/place.ts';
import { unattended } from '../state/ring.ts';
import type { Shown } from './map.ts';

export const basemapMaxZoom = 6;
export const empty: FeatureCollection = { type: 'FeatureCollection', features: [] };

const collection = (features: Feature[]): FeatureCollection => ({ type: 'FeatureCollection', features });

// Radius in pixels at zoom 0 of a circle of m metres at a latitude; the world is 512 pixels wide there.
export function px0(m: number, lat: number): number {
  return m / ((40_075_016.686 / 512) * Math.cos((lat * Math.PI) / 180));
}

function at(lon: number, lat: number, properties: Record<string, unknown>): Feature<GeoPoint> {
  return { type: 'Feature', geometry: { type: 'Point', coordinates: [lon, lat] }, properties };
}

export function workerFeatures(s: Shown): FeatureCollection {
  const features: Feature[] = [];
  for (const w of s.board.workers.values()) {
    const { live } = w;
    if (live?.lat === undefined || live.lon === undefined) continue;
    const how = standing(w, s.byWorker.has(w.worker), s.nowMs);
    const fresh = s.stale ? 'hollow' : freshness(live.fixAtMs, s.nowMs);
    const colour =
      how === 'off' || how === 'never' || s.stale ? 'quiet' : how === 'lost' || how === 'late' ? 'dark' : 'mark';
    features.push(
      at(live.lon, live.lat, {
        id: w.worker,
        name: how === 'alarm' ? '' : w.name, // the alarm above it says the name
        mark: how === 'lost' ? 'lost' : `${fresh === 'none' ? 'hollow' : fresh}-${colour}`,
        px0: px0(live.accuracyM ?? 0, live.lat),
        chosen: s.chosen === w.worker,
      }),
    );
  }
  return collection(features);
}

export function alarmFeatures(s: Shown): FeatureCollection {
  const features: Feature[] = [];
  for (const a of s.board.alarms.values()) {
    const { lat, lon, accuracyM } = whereNow(a, s.board.workers.get(a.worker)?.live);
    if (lat === undefined || lon === undefined) continue;
    const open = unattended(a);
    features.push(
      at(lon, lat, {
        id: a.id,
        name: a.workerName,
        mark: `${open ? 'open' : 'taken'}-${Math.min(3, Math.max(1, a.priority))}`,
        px0: px0(accuracyM ?? 0, lat),
        rank: (open ? 10 : 0) - a.priority,
      }),
    );
  }
  return collection(features);
}

export function zoneFeatures(zones: readonly Zone[]): FeatureCollection {
  return collection(
    zones.map((z) => ({
      type: 'Feature',
      geometry: { type: 'Polygon', coordinates: [z.ring.map((p) => [...p])] },
      properties: { name: z.name, danger: z.danger ?? false },
    })),
  );
}

export function trailFeatures(trail: readonly Position[] | null): FeatureCollection {
  if (!trail || trail.length < 2) return empty;
  return collection([
    {
      type: 'Feature',
      geometry: { type: 'LineString', coordinates: trail.map((p) => [p.lon, p.lat]) },
      properties: {},
    },
  ]);
}

interface Bounds {
  getWest(): number;
  getEast(): number;
  getSouth(): number;
  getNorth(): number;
}

// graticule is a net of meridians and parallels, some eight across the view, on round degrees.
export function graticule(b: Bounds, zoom: number): FeatureCollection {
  const steps = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  const width = Math.min(360, Math.max(1e-6, b.getEast() - b.getWest()));
  const step = steps.find((s) => width / s >= 6) ?? 0.0005;
  if (zoom < 3) return empty;
  const features: Feature[] = [];
  const line = (coordinates: number[][]) =>
    features.push({ type: 'Feature', geometry: { type: 'LineString', coordinates }, properties: {} });
  const [w, e, s, n] = [
    b.getWest() - width / 2,
    b.getEast() + width / 2,
    Math.max(-85, b.getSouth() - width / 2),
    Math.min(85, b.getNorth() + width / 2),
  ];
  for (let i = Math.ceil(w / step); i * step <= e; i += 1)
    line([
      [i * step, s],
      [i * step, n],
    ]);
  for (let i = Math.ceil(s / step); i * step <= n; i += 1)
    line([
      [w, i * step],
      [e, i * step],
    ]);
  return collection(features);
}
