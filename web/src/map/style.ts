// Layers and colours of the map. From below: sea, land, borders, graticule, zones, trail, accuracy, people, alarms. Alarms
// are in layers of their own, above all, and are never clustered or hidden by a label.
import type { DataDrivenPropertyValueSpecification, StyleSpecification } from 'maplibre-gl';
import { basemapMaxZoom, empty } from './features.ts';

export interface Palette {
  readonly sea: string;
  readonly land: string;
  readonly line: string;
  readonly zone: string;
  readonly danger: string;
  readonly mark: string;
  readonly quiet: string;
  readonly halo: string;
  readonly text: string;
}

export function palette(dark: boolean): Palette {
  return dark
    ? {
        sea: '#10161c',
        land: '#1b2229',
        line: '#39434e',
        zone: '#8c98a5',
        danger: '#e0323b',
        mark: '#6cbbe6',
        quiet: '#8a95a1',
        halo: '#0f1317',
        text: '#e9edf1',
      }
    : {
        sea: '#dfe6ec',
        land: '#f4f4f1',
        line: '#c3cad1',
        zone: '#6b7683',
        danger: '#b5121b',
        mark: '#0a5a86',
        quiet: '#69737f',
        halo: '#ffffff',
        text: '#151a21',
      };
}

// A circle of m metres: px0 is its radius in pixels at zoom 0.
const onGround: DataDrivenPropertyValueSpecification<number> = [
  'interpolate',
  ['exponential', 2],
  ['zoom'],
  0,
  ['get', 'px0'],
  22,
  ['*', ['get', 'px0'], 2 ** 22],
];

export function style(dark: boolean): StyleSpecification {
  const c = palette(dark);
  const geojson = (tolerance = 0) => ({ type: 'geojson' as const, data: empty, tolerance });
  return {
    version: 8,
    sources: {
      basemap: {
        type: 'vector',
        tiles: ['basemap://{z}/{x}/{y}'],
        maxzoom: basemapMaxZoom,
        attribution: 'Natural Earth',
      },
      graticule: geojson(),
      zones: geojson(),
      trail: geojson(),
      workers: geojson(),
      alarms: geojson(),
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': c.sea } },
      {
        id: 'land',
        type: 'fill',
        source: 'basemap',
        'source-layer': 'land',
        paint: { 'fill-color': c.land, 'fill-outline-color': c.line },
      },
      {
        id: 'borders',
        type: 'line',
        source: 'basemap',
        'source-layer': 'borders',
        paint: { 'line-color': c.line, 'line-dasharray': [3, 2] },
      },
      { id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': c.line, 'line-width': 0.6 } },
      {
        id: 'zone-area',
        type: 'fill',
        source: 'zones',
        paint: { 'fill-color': ['case', ['get', 'danger'], c.danger, c.zone], 'fill-opacity': 0.1 },
      },
      {
        id: 'zone-edge',
        type: 'line',
        source: 'zones',
        paint: {
          'line-color': ['case', ['get', 'danger'], c.danger, c.zone],
          'line-width': 1.4,
          'line-dasharray': [4, 2],
        },
      },
      {
        id: 'zone-name',
        type: 'symbol',
        source: 'zones',
        minzoom: 11,
        layout: { 'text-field': ['get', 'name'], 'text-size': 12, 'text-letter-spacing': 0.02 },
        paint: { 'text-color': c.zone, 'text-halo-color': c.land, 'text-halo-width': 1.5 },
      },
      {
        id: 'trail',
        type: 'line',
        source: 'trail',
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': c.mark, 'line-width': 2.5, 'line-opacity': 0.7 },
      },
      {
        id: 'accuracy',
        type: 'circle',
        source: 'workers',
        minzoom: 12,
        paint: {
          'circle-radius': onGround,
          'circle-color': c.mark,
          'circle-opacity': 0.1,
          'circle-stroke-color': c.mark,
          'circle-stroke-width': 1,
          'circle-stroke-opacity': 0.35,
          'circle-pitch-alignment': 'map',
        },
      },
      {
        id: 'chosen',
        type: 'circle',
        source: 'workers',
        filter: ['get', 'chosen'],
        paint: {
          'circle-radius': 15,
          'circle-color': 'transparent',
          'circle-stroke-color': c.mark,
          'circle-stroke-width': 3,
        },
      },
      {
        id: 'workers',
        type: 'symbol',
        source: 'workers',
        layout: {
          'icon-image': ['get', 'mark'],
          'icon-size': ['interpolate', ['linear'], ['zoom'], 9, 0.45, 14, 1],
          'icon-allow-overlap': true,
          'icon-ignore-placement': true,
        },
        paint: {},
      },
      {
        id: 'worker-name',
        type: 'symbol',
        source: 'workers',
        minzoom: 13,
        layout: {
          'text-field': ['get', 'name'],
          'text-size': 12,
          'text-anchor': 'top',
          'text-offset': [0, 0.9],
          'text-optional': true,
        },
        paint: { 'text-color': c.text, 'text-halo-color': c.halo, 'text-halo-width': 1.6 },
      },
      {
        id: 'alarm-accuracy',
        type: 'circle',
        source: 'alarms',
        paint: {
          'circle-radius': onGround,
          'circle-color': c.danger,
          'circle-opacity': 0.12,
          'circle-stroke-color': c.danger,
          'circle-stroke-width': 1.5,
          'circle-pitch-alignment': 'map',
        },
      },
      {
        id: 'alarms',
        type: 'symbol',
        source: 'alarms',
        layout: {
          'icon-image': ['get', 'mark'],
          'icon-allow-overlap': true,
          'icon-ignore-placement': true,
          'text-field': ['get', 'name'],
          'text-size': 14,
          'text-anchor': 'top',
          'text-offset': [0, 1.3],
          'text-allow-overlap': true,
          'text-ignore-placement': true,
          'symbol-sort-key': ['get', 'rank'],
        },
        paint: { 'text-color': c.text, 'text-halo-color': c.halo, 'text-halo-width': 2 },
      },
    ],
  };
}
