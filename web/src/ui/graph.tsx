// Two small drawings of the last hour: the way taken, on a plain locator that needs no WebGL, and speed over time.
import type { Position } from '../api/client.ts';
import type { Board } from '../state/board.ts';
import { type Freshness, freshness } from '../state/people.ts';
import { distanceM, whereNow } from '../state/place.ts';
import { unattended } from '../state/ring.ts';
import { hour, metres } from '../text/format.ts';
import { t } from '../text/text.ts';

const wide = 320;
const high = 160;
const edge = 12;
const perDegreeM = 111_195; // of latitude

// Locator draws positions north up, both axes to one scale, with a bar that says how long it is.
export function Locator(p: { positions: readonly Position[] }) {
  const { positions } = p;
  const lat0 = positions.reduce((sum, q) => sum + q.lat, 0) / positions.length;
  const k = Math.cos((lat0 * Math.PI) / 180);
  const xs = positions.map((q) => q.lon * k);
  const ys = positions.map((q) => -q.lat);
  const [minX, maxX, minY, maxY] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // At least 60 m across, so that somebody standing still does not look like a walk.
  const span = Math.max(
    (maxX - minX) / (wide - 2 * edge),
    (maxY - minY) / (high - 2 * edge),
    60 / perDegreeM / (wide - 2 * edge),
  );
  const x = (v: number) => wide / 2 + (v - (minX + maxX) / 2) / span;
  const y = (v: number) => high / 2 + (v - (minY + maxY) / 2) / span;
  const points = xs.map((v, i) => `${x(v).toFixed(1)},${y(ys[i] ?? 0).toFixed(1)}`);
  const barM = niceM(span * perDegreeM * 80);
  const bar = barM / (span * perDegreeM);
  const last = positions.at(-1);
  let way = 0;
  for (let i = 1; i < positions.length; i += 1) {
    const [a, b] = [positions[i - 1], positions[i]];
    if (a && b) way += distanceM(a, b);
  }
  return (
    <svg
      class="locator"
      viewBox={`0 0 ${wide} ${high}`}
      role="img"
      aria-label={t('web.panel.way', { distance: metres(way) })}
    >
      <polyline points={points.join(' ')} fill="none" />
      {last && <circle class="end" cx={x(last.lon * k)} cy={y(-last.lat)} r="5" />}
      <path class="bar" d={`M${edge} ${high - edge}v-4v4h${bar.toFixed(1)}v-4`} />
      <text x={edge + 4} y={high - edge - 6}>
        {metres(barM)}
      </text>
    </svg>
  );
}

function niceM(m: number): number {
  const tens = 10 ** Math.floor(Math.log10(m));
  for (const n of [5, 2, 1]) if (n * tens <= m) return n * tens;
  return tens;
}

const graphHigh = 76;

// Graph draws the speed of positions over the spanMs that end at toMs.
export function Graph(p: { positions: readonly Position[]; toMs: number; spanMs: number }) {
  const speeds = p.positions.filter((q) => q.speedMps !== undefined);
  if (speeds.length < 2) return null;
  const from = p.toMs - p.spanMs;
  const top = Math.max(2, ...speeds.map((q) => q.speedMps ?? 0));
  const x = (ms: number) => ((ms - from) / p.spanMs) * wide;
  const y = (mps: number) => graphHigh - 18 - (mps / top) * (graphHigh - 30);
  const d = speeds
    .map((q, i) => `${i === 0 ? 'M' : 'L'}${x(q.atMs).toFixed(1)} ${y(q.speedMps ?? 0).toFixed(1)}`)
    .join('');
  const label = t('web.panel.speedGraph', { n: (top * 3.6).toFixed(0) });
  return (
    <svg class="graph" viewBox={`0 0 ${wide} ${graphHigh}`} role="img" aria-label={label}>
      <path class="axis" d={`M0 ${y(0)}H${wide}`} />
      <path class="curve" d={d} />
      <text x="0" y="10">
        {label}
      </text>
      <text x="0" y={graphHigh - 4}>
        {hour(from)}
      </text>
      <text class="right" x={wide} y={graphHigh - 4}>
        {hour(p.toMs)}
      </text>
    </svg>
  );
}

const crowdMax = 1_500;

// Crowd draws where everybody is, for browsers without WebGL.
export function Crowd(p: { board: Board; nowMs: number; chosen: string | null }) {
  const people: { id: string; name: string; lat: number; lon: number; fresh: Freshness }[] = [];
  for (const w of p.board.workers.values()) {
    if (w.live?.lat === undefined || w.live.lon === undefined) continue;
    people.push({
      id: w.worker,
      name: w.name,
      lat: w.live.lat,
      lon: w.live.lon,
      fresh: freshness(w.live.fixAtMs, p.nowMs),
    });
    if (people.length === crowdMax) break;
  }
  if (people.length === 0) return null;
  const side = 480;
  const k = Math.cos(((people[0]?.lat ?? 0) * Math.PI) / 180);
  const xs = people.map((q) => q.lon * k);
  const ys = people.map((q) => -q.lat);
  const [minX, maxX, minY, maxY] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const span = Math.max(maxX - minX, maxY - minY, 200 / perDegreeM) / (side - 4 * edge);
  const x = (lon: number) => side / 2 + (lon * k - (minX + maxX) / 2) / span;
  const y = (lat: number) => side / 2 + (-lat - (minY + maxY) / 2) / span;
  const barM = niceM(span * perDegreeM * 120);
  const alarms = [...p.board.alarms.values()];
  return (
    <svg class="locator crowd" viewBox={`0 0 ${side} ${side}`} role="img" aria-label={t('web.map.plain')}>
      {people.map((q) => (
        <circle
          key={q.id}
          class={`${q.fresh} ${q.id === p.chosen ? 'chosen' : ''}`}
          cx={x(q.lon)}
          cy={y(q.lat)}
          r={q.fresh === 'ring' ? 4 : 5}
        >
          <title>{q.name}</title>
        </circle>
      ))}
      {alarms.map((a) => {
        const { lat, lon } = whereNow(a, p.board.workers.get(a.worker)?.live);
        return (
          lat !== undefined &&
          lon !== undefined && (
            <g
              key={a.id}
              transform={`translate(${x(lon).toFixed(1)} ${y(lat).toFixed(1)})`}
              class={unattended(a) ? 'open' : 'taken'}
            >
              <path d="M-5-12H5l7 7V5l-7 7H-5l-7-7V-5z" />
              <text y="27">{a.workerName}</text>
            </g>
          )
        );
      })}
      <path class="bar" d={`M${edge} ${side - edge}v-4v4h${(barM / (span * perDegreeM)).toFixed(1)}v-4`} />
      <text x={edge + 4} y={side - edge - 6}>
        {metres(barM)}
      </text>
    </svg>
  );
}
