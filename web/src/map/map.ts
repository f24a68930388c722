// The map. Nothing outside this folder imports MapLibre. Everything it shows is in the list too.
import {
  AttributionControl,
  addProtocol,
  type GeoJSONSource,
  Map as GLMap,
  LngLatBounds,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { FeatureCollection } from 'geojson';
import type { Position } from '../api/client.ts';
import type { Alarm } from '../api/feed.ts';
import type { Board } from '../state/board.ts';
import { whereNow, type Zone } from '../state/place.ts';
import { t } from '../text/text.ts';
import { alarmFeatures, graticule, trailFeatures, workerFeatures, zoneFeatures } from './features.ts';
import { marks } from './marks.ts';
import { palette, style } from './style.ts';
import { basemap } from './tiles.ts';

// One chunk holds whatever needs MapLibre.
export { type Drawing, openDrawing } from './draw.ts';

export interface Shown {
  readonly board: Board;
  readonly byWorker: ReadonlyMap<string, readonly Alarm[]>;
  readonly zones: readonly Zone[];
  readonly nowMs: number; // server's
  readonly chosen: string | null; // worker
  readonly chosenAlarm: string | null;
  readonly trail: readonly Position[] | null;
  readonly dark: boolean;
  readonly stale: boolean; // nothing on it may look live
}

export interface Clicks {
  worker(id: string): void;
  alarm(id: string): void;
  ready(): void;
  broken(): void;
}

export interface MapView {
  show(s: Shown): void;
  close(): void;
}

type PaintName = Parameters<GLMap['setPaintProperty']>[1];

setWorkerUrl(workerUrl);
addProtocol('basemap', basemap('/basemap.pmtiles'));

// Sources are written at most this often: with 5,000 people every write is work for the worker and the GPU.
const writeMs = 900;
const writeManyMs = 2_500;
const many = 1_000;

export function openMap(place: HTMLElement, clicks: Clicks): MapView {
  let wanted: Shown | null = null;
  let drawn: Partial<Shown> = {};
  let ready = false;
  let fitted = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let dark: boolean | null = null;

  const map = new GLMap({
    container: place,
    style: style(false),
    center: [7.0552, 43.6164],
    zoom: 11,
    maxZoom: 19,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
    locale: {
      'Map.Title': t('web.map.title'),
      'NavigationControl.ZoomIn': t('web.map.in'),
      'NavigationControl.ZoomOut': t('web.map.out'),
      'AttributionControl.ToggleAttribution': t('web.map.credit'),
    },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
  map.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-left');
  map.addControl(new AttributionControl({ compact: true }), 'bottom-left');

  map.on('load', () => {
    ready = true;
    clicks.ready();
    write();
  });
  map.on('error', (e) => {
    console.warn('map', e.error?.message);
    if (!ready && !map.isStyleLoaded()) clicks.broken();
  });
  map.on('webglcontextlost', () => clicks.broken());
  map.on('moveend', () => put('graticule', graticule(map.getBounds(), map.getZoom())));
  for (const layer of ['alarms', 'workers'] as const) {
    map.on('click', layer, (e) => {
      const id: unknown = e.features?.[0]?.properties['id'];
      if (typeof id !== 'string' || e.defaultPrevented) return;
      e.preventDefault();
      if (layer === 'alarms') clicks.alarm(id);
      else clicks.worker(id);
    });
    map.on('mouseenter', layer, () => {
      map.getCanvas().style.cursor = 'pointer';
    });
    map.on('mouseleave', layer, () => {
      map.getCanvas().style.cursor = '';
    });
  }

  function put(source: string, data: FeatureCollection): void {
    if (ready) map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  function wear(s: Shown): void {
    if (dark === s.dark) return;
    dark = s.dark;
    const colours = palette(s.dark);
    for (const [id, image] of Object.entries(marks(colours))) {
      if (map.hasImage(id)) map.updateImage(id, image);
      else map.addImage(id, image, { pixelRatio: 2 });
    }
    for (const layer of style(s.dark).layers) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        map.setPaintProperty(layer.id, name as PaintName, value);
      }
    }
  }

  function write(): void {
    timer = null;
    const s = wanted;
    if (!ready || !s) return;
    wear(s);
    if (s.board !== drawn.board || s.nowMs !== drawn.nowMs || s.chosen !== drawn.chosen || s.stale !== drawn.stale) {
      put('workers', workerFeatures(s));
      put('alarms', alarmFeatures(s));
    }
    if (s.zones !== drawn.zones) put('zones', zoneFeatures(s.zones));
    if (s.trail !== drawn.trail) put('trail', trailFeatures(s.trail));
    if (s.chosen !== drawn.chosen && s.chosen !== null && fitted) visit(s);
    drawn = s;
    if (!fitted) fit(s);
  }

  // The map moves by itself once, to show everybody, and then only to whom somebody chose.
  function fit(s: Shown): void {
    const all = new LngLatBounds();
    for (const w of s.board.workers.values()) {
      if (w.live?.lon !== undefined && w.live.lat !== undefined) all.extend([w.live.lon, w.live.lat]);
    }
    if (all.isEmpty()) return;
    fitted = true;
    map.fitBounds(all, { padding: 70, maxZoom: 15, animate: false });
    if (s.chosen !== null) visit(s);
  }

  function visit(s: Shown): void {
    const alarm = s.chosenAlarm === null ? undefined : s.board.alarms.get(s.chosenAlarm);
    const live = s.board.workers.get(s.chosen ?? '')?.live;
    const at = alarm?.lat === undefined ? live : whereNow(alarm, live);
    if (at?.lat === undefined || at.lon === undefined) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    map.easeTo({ center: [at.lon, at.lat], zoom: Math.max(15, map.getZoom()), duration: still ? 0 : 500 });
  }

  const sizes = new ResizeObserver(() => map.resize());
  sizes.observe(place);

  return {
    show(s) {
      // A choice is followed at once; the rest can wait for the next write.
      const hurry = s.chosen !== wanted?.chosen || s.dark !== wanted?.dark || s.board.alarms !== wanted?.board.alarms;
      wanted = s;
      if (hurry && timer !== null) {
        clearTimeout(timer);
        timer = null;
      }
      timer ??= setTimeout(write, hurry ? 0 : s.board.workers.size > many ? writeManyMs : writeMs);
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      sizes.disconnect();
      map.remove();
    },
  };
}
