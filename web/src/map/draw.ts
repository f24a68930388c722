// A zone drawn on the map. Each corner is a button: dragged, or moved with the arrow keys, removed with Delete.
import { type GeoJSONSource, Map as GLMap, LngLatBounds, NavigationControl } from 'maplibre-gl';
import type { Zone } from '../state/place.ts';
import { zoneFeatures } from './features.ts';
import { style } from './style.ts';

type Corner = readonly [lon: number, lat: number];

export interface Drawing {
  show(s: Drawn): void;
  close(): void;
}

export interface Drawn {
  readonly ring: readonly Corner[]; // not closed
  readonly danger: boolean;
  readonly others: readonly Zone[];
  readonly wrong: readonly number[]; // corners that the server refused
  readonly dark: boolean;
  readonly off: boolean; // nothing may be changed
}

export interface Pen {
  add(at: Corner): void;
  move(corner: number, to: Corner): void;
  remove(corner: number): void;
  name(corner: number, at: Corner): string; // for whoever cannot see it
  broken(): void;
}

// Corners are elements; beyond this many a ring is edited as lines only.
export const mostHandles = 100;
const step = 10; // pixels; with Shift one

export function openDrawing(
  place: HTMLElement,
  words: Record<string, string>,
  centre: Corner | null,
  pen: Pen,
): Drawing {
  let shown: Drawn | null = null;
  let ready = false;
  let fitted = false;
  let dark = false;
  let corners: { readonly element: HTMLButtonElement; at: Corner }[] = [];

  const map = new GLMap({
    container: place,
    style: style(false),
    center: centre === null ? [7.0552, 43.6164] : [centre[0], centre[1]],
    zoom: centre === null ? 3 : 13,
    maxZoom: 20,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    doubleClickZoom: false,
    fadeDuration: 0,
    locale: words,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
  map.on('error', () => {
    if (!ready && !map.isStyleLoaded()) pen.broken();
  });
  map.on('webglcontextlost', () => pen.broken());
  map.on('load', () => {
    ready = true;
    draw();
  });
  map.on('click', (e) => {
    if (shown && !shown.off) pen.add([round(e.lngLat.lng), round(e.lngLat.lat)]);
  });

  function source(data: Parameters<GeoJSONSource['setData']>[0]): void {
    map.getSource<GeoJSONSource>('zones')?.setData(data);
  }

  function draw(): void {
    const s = shown;
    if (!ready || !s) return;
    if (dark !== s.dark) {
      dark = s.dark;
      for (const layer of style(dark).layers)
        for (const [name, value] of Object.entries(layer.paint ?? {}))
          map.setPaintProperty(layer.id, name as Parameters<GLMap['setPaintProperty']>[1], value);
    }
    outline(s.ring);
    handles(s);
    if (!fitted && s.ring.length > 0) {
      fitted = true;
      const all = new LngLatBounds();
      for (const c of s.ring) all.extend([c[0], c[1]]);
      map.fitBounds(all, { padding: 50, maxZoom: 17, animate: false });
    }
  }

  function outline(ring: readonly Corner[]): void {
    const s = shown;
    if (!s) return;
    const first = ring[0];
    const own: Zone[] =
      ring.length < 3 || !first ? [] : [{ zone: '', name: '', danger: s.danger, ring: [...ring, first] }];
    source(zoneFeatures([...s.others, ...own]));
  }

  function handles(s: Drawn): void {
    const ring = s.ring.length > mostHandles ? [] : s.ring;
    while (corners.length > ring.length) corners.pop()?.element.remove();
    ring.forEach((at, i) => {
      const corner = corners[i] ?? handle(i, at);
      corners[i] = corner;
      corner.at = at;
      corner.element.setAttribute('aria-label', pen.name(i, at));
      corner.element.classList.toggle('wrong', s.wrong.includes(i));
    });
    settle();
  }

  // settle puts every corner where the map has its place now.
  function settle(): void {
    for (const { element, at } of corners) {
      const { x, y } = map.project([at[0], at[1]]);
      element.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
    }
  }
  map.on('move', settle);
  map.on('resize', settle);

  function handle(i: number, at: Corner): { readonly element: HTMLButtonElement; at: Corner } {
    const element = document.createElement('button');
    element.type = 'button';
    element.className = 'corner';
    element.textContent = String(i + 1);
    const self = { element, at };
    const put = (x: number, y: number) => {
      const to = map.unproject([x, y]);
      return [round(to.lng), round(to.lat)] as const;
    };
    element.addEventListener('pointerdown', (e) => {
      if (shown && !shown.off && e.button === 0) element.setPointerCapture(e.pointerId);
    });
    element.addEventListener('pointermove', (e) => {
      if (!shown || !element.hasPointerCapture(e.pointerId)) return;
      const box = map.getCanvas().getBoundingClientRect();
      self.at = put(e.clientX - box.left, e.clientY - box.top);
      outline(shown.ring.map((c, j) => (j === i ? self.at : c)));
      settle();
    });
    element.addEventListener('pointerup', (e) => {
      const was = shown?.ring[i];
      if (element.hasPointerCapture(e.pointerId) && was && was !== self.at) pen.move(i, self.at);
    });
    element.addEventListener('keydown', (e) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (!shown || shown.off) return;
      if (by) {
        const { x, y } = map.project([self.at[0], self.at[1]]);
        const pixels = e.shiftKey ? 1 : step;
        pen.move(i, put(x + (by[0] ?? 0) * pixels, y + (by[1] ?? 0) * pixels));
      } else if (e.key === 'Delete' || e.key === 'Backspace') {
        const next = corners[i > 0 ? i - 1 : 1];
        (next?.element ?? map.getCanvas()).focus();
        pen.remove(i);
      } else return;
      e.preventDefault();
    });
    place.append(element);
    return self;
  }

  const sizes = new ResizeObserver(() => map.resize());
  sizes.observe(place);

  return {
    show(s) {
      shown = s;
      draw();
    },
    close() {
      sizes.disconnect();
      for (const c of corners) c.element.remove();
      corners = [];
      map.remove();
    },
  };
}

// A centimetre is enough.
function round(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
