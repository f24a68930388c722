// Fails when the page weighs more than it may. Bytes are gzip -9, summed per file, as a browser fetches them.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = join(fileURLToPath(import.meta.url), '..', '..', 'dist');
const assets = join(dist, 'assets');
const weight = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const named = (pattern) =>
  readdirSync(assets)
    .filter((f) => pattern.test(f))
    .map((f) => join(assets, f));

// What index.html asks for, what those ask for in turn, and the larger of the two languages: all before the list is usable.
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = new Set([...html.matchAll(/assets\/([\w.-]+\.js)/g)].map((m) => m[1]));
for (const file of first) {
  for (const [, next] of readFileSync(join(assets, file), 'utf8').matchAll(
    /(?:^|[;}])import(?:[^;'"()]*from)?["'`]\.\/([\w.-]+\.js)["'`]/g,
  ))
    first.add(next);
}
const languages = named(/^(en|fr)-.*\.js$/);
for (const file of languages) first.delete(basename(file)); // both are fetched early, one is waited for
const css = [...html.matchAll(/assets\/([\w.-]+\.css)/g)].map((m) => join(assets, m[1]));
const sum = (files) => files.reduce((n, f) => n + weight(f), 0);

const list = /const shell = (\[.*?\]);/s.exec(readFileSync(join(dist, 'sw.js'), 'utf8'));
const kept = (list ? JSON.parse(list[1]) : []).map((f) => join(dist, f === '/' ? 'index.html' : f));

const rows = [
  [
    'script before the list is usable',
    sum([...first].map((f) => join(assets, f))) + Math.max(...languages.map(weight)),
    40_000,
  ],
  ['style before the list is usable', sum(css), 12_000],
  ['map chunk', sum(named(/^map-.*\.js$/)), 300_000],
  ['map worker', sum(named(/worker.*\.mjs$/)), 150_000],
  ['kept by the service worker', sum(kept), 900_000],
  ['map style', sum(named(/^map-.*\.css$/)), 12_000],
];
let over = languages.length !== 2 || css.length === 0 || first.size === 0;
if (over) console.log('budget: dist is not as expected; build first');
for (const [what, bytes, limit] of rows) {
  console.log(`budget: ${what.padEnd(34)} ${String(bytes).padStart(7)} of ${String(limit).padStart(7)} bytes`);
  if (!(bytes > 0) || bytes > limit) over = true;
}
process.exit(over ? 1 : 0);
