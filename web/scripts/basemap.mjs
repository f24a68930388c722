// Builds public/basemap.pmtiles from Natural Earth (public domain) as packed by the npm package world-atlas: land and
// borders, zoom 0 to 6, vector tiles. No network. The file is made again only when this script or world-atlas changed.
// Format: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { GeoJSONVT } from '@maplibre/geojson-vt';
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import { zxyToTileId } from 'pmtiles';
import { feature, mesh } from 'topojson-client';

const self = fileURLToPath(import.meta.url);
const out = join(dirname(self), '..', 'public', 'basemap.pmtiles');
const stamp = `${out}.made-of`;
const maxZoom = 6;
const require = createRequire(import.meta.url);
const atlas = require.resolve('world-atlas/countries-10m.json');

const source = readFileSync(atlas);
const madeOf = createHash('sha256').update(source).update(readFileSync(self)).digest('hex');
if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, 'utf8') === madeOf) {
  console.log('basemap: up to date');
  process.exit(0);
}

const topology = JSON.parse(source.toString());
const land = {
  type: 'FeatureCollection',
  features: [feature(topology, topology.objects.land)].flatMap((f) => f.features ?? [f]),
};
const borders = {
  type: 'FeatureCollection',
  features: [
    { type: 'Feature', properties: {}, geometry: mesh(topology, topology.objects.countries, (a, b) => a !== b) },
  ],
};
const options = { maxZoom, indexMaxZoom: maxZoom, indexMaxPoints: 0, extent: 4096, buffer: 64, tolerance: 4 };
const layers = { land: new GeoJSONVT(land, options), borders: new GeoJSONVT(borders, options) };

const contents = [];
const at = new Map(); // hash of a tile → its place among the contents
let length = 0;
const entries = []; // [tile id, offset, length], by id
for (let z = 0; z <= maxZoom; z += 1) {
  for (let x = 0; x < 2 ** z; x += 1) {
    for (let y = 0; y < 2 ** z; y += 1) {
      const found = {};
      for (const [name, index] of Object.entries(layers)) {
        const tile = index.getTile(z, x, y);
        if (tile && tile.features.length > 0) found[name] = tile;
      }
      if (Object.keys(found).length === 0) continue;
      const bytes = gzipSync(fromGeojsonVt(found, { version: 2 }), { level: 9 });
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (!at.has(hash)) {
        at.set(hash, length);
        contents.push(bytes);
        length += bytes.length;
      }
      entries.push([zxyToTileId(z, x, y), at.get(hash), bytes.length]);
    }
  }
}
entries.sort((a, b) => a[0] - b[0]);
const runs = [];
for (const [id, offset, size] of entries) {
  const last = runs.at(-1);
  if (last && last.offset === offset && last.id + last.run === id) last.run += 1;
  else runs.push({ id, offset, size, run: 1 });
}

function varints(numbers) {
  const bytes = [];
  for (let n of numbers) {
    while (n >= 128) {
      bytes.push((n % 128) | 128);
      n = Math.floor(n / 128);
    }
    bytes.push(n);
  }
  return Buffer.from(bytes);
}

const root = gzipSync(
  varints([
    runs.length,
    ...runs.map((r, i) => r.id - (i > 0 ? runs[i - 1].id : 0)),
    ...runs.map((r) => r.run),
    ...runs.map((r) => r.size),
    ...runs.map((r, i) => (i > 0 && r.offset === runs[i - 1].offset + runs[i - 1].size ? 0 : r.offset + 1)),
  ]),
  { level: 9 },
);
const headerBytes = 127;
if (headerBytes + root.length > 16_384)
  throw new Error(`basemap: the root directory has ${root.length} bytes, and does not fit the first 16 KiB`);
const metadata = gzipSync(
  JSON.stringify({
    name: 'Solewatch basemap',
    attribution: 'Natural Earth',
    vector_layers: Object.keys(layers).map((id) => ({ id, fields: {}, minzoom: 0, maxzoom: maxZoom })),
  }),
);

const header = Buffer.alloc(headerBytes);
header.write('PMTiles', 0, 'latin1');
header.writeUInt8(3, 7);
const leaves = headerBytes + root.length + metadata.length;
const u64 = [
  headerBytes,
  root.length,
  headerBytes + root.length,
  metadata.length,
  leaves,
  0,
  leaves,
  length,
  entries.length,
  runs.length,
  contents.length,
];
u64.forEach((n, i) => {
  header.writeBigUInt64LE(BigInt(n), 8 + 8 * i);
});
header.writeUInt8(0, 96); // tiles are in the order they were met, not by id
header.writeUInt8(2, 97); // directories: gzip
header.writeUInt8(2, 98); // tiles: gzip
header.writeUInt8(1, 99); // vector tiles
header.writeUInt8(0, 100);
header.writeUInt8(maxZoom, 101);
[-180, -85, 180, 85].forEach((degrees, i) => {
  header.writeInt32LE(degrees * 1e7, 102 + 4 * i);
});
header.writeUInt8(0, 118);
header.writeInt32LE(Math.round(7.05 * 1e7), 119);
header.writeInt32LE(Math.round(43.62 * 1e7), 123);

mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, Buffer.concat([header, root, metadata, ...contents]));
writeFileSync(stamp, madeOf);
console.log(`basemap: ${entries.length} tiles, ${contents.length} different, ${leaves + length} bytes`);
