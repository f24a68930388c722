// Figures in the reader's language. Times of day are the reader's own; ages come from the server's clock.
import type { Compass, Place, Point } from '../state/place.ts';
import { day, degrees, minutes, seconds, tenths, whole } from './intl.ts';
import { t } from './text.ts';

// span is a length of time, short: "8 s", "3 min", "2 h 05". Below zero counts as none.
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t('web.span.s', { s });
  const min = Math.floor(s / 60);
  if (min < 60) return t('web.span.min', { min });
  const h = Math.floor(min / 60);
  if (h < 48) return t('web.span.h', { h, min: two(min % 60) });
  return t('web.span.d', { d: Math.floor(h / 24) });
}

// ticking is a length of time that is being watched: "0:08", "3:41", "2:05:09".
export function ticking(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  const rest = `${h > 0 ? two(Math.floor(s / 60) % 60) : Math.floor(s / 60)}:${two(s % 60)}`;
  return h > 0 ? `${h}:${rest}` : rest;
}

export function ago(ms: number): string {
  return ms < 1000 ? t('web.justNow') : t('web.ago', { span: span(ms) });
}

// clock is the time of day, "14:02:31".
export function clock(atMs: number): string {
  return seconds().format(atMs);
}

// hour is the time of day without seconds.
export function hour(atMs: number): string {
  return minutes().format(atMs);
}

// stamp is the time of day, and the day when it is not today's.
export function stamp(atMs: number, nowMs: number): string {
  const of = (ms: number) => new Date(ms).toDateString();
  return of(atMs) === of(nowMs) ? clock(atMs) : `${day().format(atMs)} ${hour(atMs)}`;
}

export function kmh(mps: number): string {
  return t('web.kmh', { n: tenths().format(mps * 3.6) });
}

// metres rounds as far as a reader can use it: "6 m", "40 m", "1.2 km".
export function metres(m: number): string {
  if (m < 20) return t('web.metres', { m: Math.round(m) });
  if (m < 995) return t('web.metres', { m: Math.round(m / 10) * 10 });
  const km = m / 1000;
  return t('web.kilometres', { km: (km < 10 ? tenths() : whole()).format(km < 10 ? km : Math.round(km)) });
}

// accuracy is the 68 % radius in metres, rounded up; nothing when the insole does not say.
export function accuracy(m: number | undefined): string {
  return m === undefined || m <= 0 ? t('web.accuracyUnknown') : t('web.accuracy', { m: whole().format(Math.ceil(m)) });
}

export function coordinates(p: Point): string {
  const f = degrees();
  const lat = t(p.lat < 0 ? 'web.coord.s' : 'web.coord.n', { deg: f.format(Math.abs(p.lat)) });
  const lon = t(p.lon < 0 ? 'web.coord.w' : 'web.coord.e', { deg: f.format(Math.abs(p.lon)) });
  return `${lat}  ${lon}`;
}

const winds: Record<Compass, () => string> = {
  n: () => t('web.wind.n'),
  ne: () => t('web.wind.ne'),
  e: () => t('web.wind.e'),
  se: () => t('web.wind.se'),
  s: () => t('web.wind.s'),
  sw: () => t('web.wind.sw'),
  w: () => t('web.wind.w'),
  nw: () => t('web.wind.nw'),
};

export function wind(c: Compass): string {
  return winds[c]();
}

export function place(p: Place): string {
  switch (p.kind) {
    case 'in':
      return t('web.place.in', { zone: p.zone });
    case 'near':
      return t('web.place.near', { zone: p.zone, distance: metres(p.metres), wind: wind(p.towards) });
    case 'point':
      return coordinates(p.point);
    default:
      p satisfies never;
      return '';
  }
}

function two(x: number): string {
  return x < 10 ? `0${x}` : String(x);
}
