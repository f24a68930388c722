import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import en from '../../../internal/text/catalogue/en.json';
import fr from '../../../internal/text/catalogue/fr.json';
import { accuracy, ago, clock, coordinates, metres, place, span, ticking } from '../../src/text/format.ts';
import { fill, lang, langOf, n, speak, t, word } from '../../src/text/text.ts';

const catalogues: Readonly<Record<string, Readonly<Record<string, string>>>> = { en, fr };
const holes = (s: string) => [...new Set(s.match(/\{\w+\}/g))].sort();
const ours = Object.keys(en).filter((k) => /^(web|more)\./.test(k));

const sources = (function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? walk(join(folder, e.name)) : [join(folder, e.name)],
  );
})(join(import.meta.dirname, '..', '..', 'src'))
  .filter((f) => /\.tsx?$/.test(f))
  .map((f) => readFileSync(f, 'utf8'))
  .join('\n');

describe('catalogues', () => {
  test('have the same keys and the same placeholders', () => {
    expect(Object.keys(fr).sort()).toEqual(Object.keys(en).sort());
    for (const key of Object.keys(en))
      expect([key, holes(catalogues['fr']?.[key] ?? '')]).toEqual([key, holes(catalogues['en']?.[key] ?? '')]);
  });

  test('every key of the screen is used, and none is empty', () => {
    expect(ours.length).toBeGreaterThan(100);
    // Families chosen by a word of the data; every other key stands in the source as it is.
    const families =
      /^(?:more\.(?:of|is)\.|web\.(?:mode|posture|reason|log|who|page|channel|show|span|wind|coord|source)\.)/;
    const unused = ours.filter((k) => !families.test(k) && !sources.includes(`'${k.replace(/\.(one|other)$/, '')}'`));
    expect(unused).toEqual([]);
    for (const k of ours) expect(catalogues['fr']?.[k]?.trim(), k).not.toBe('');
  });

  test('every text is given the values it has places for', () => {
    const found = [...sources.matchAll(/\b[tn]\(\s*'((?:web|more)\.[\w.]+)'((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g)];
    expect(found.length).toBeGreaterThan(80);
    for (const [call, key, values] of found) {
      const template = catalogues['en']?.[key ?? ''] ?? catalogues['en']?.[`${key}.other`] ?? '';
      for (const hole of holes(template)) {
        const name = hole.slice(1, -1);
        const given =
          name === 'n' && call.startsWith('n(') ? true : new RegExp(`[{,]\\s*${name}\\b`).test(values ?? '');
        expect(given, `${call} lacks ${name}`).toBe(true);
      }
    }
  });

  test('plural forms exist for each plural rule of the language', () => {
    for (const k of ours.filter((key) => key.endsWith('.other') && key !== 'web.reason.other'))
      expect(ours).toContain(k.replace(/other$/, 'one'));
  });
});

test('the language is the first wish that is spoken here', () => {
  expect(langOf(['de', 'fr-CA', 'en'])).toBe('fr');
  expect(langOf(['EN-us'])).toBe('en');
  expect(langOf([])).toBe('en');
});

test('a value that looks like a place is not filled again', () => {
  expect(fill('{a} {b}', { a: '{b}', b: 'x' })).toBe('{b} x');
  expect(fill('{a} {c}', { a: 1 })).toBe('1 {c}');
});

describe('figures in English', () => {
  beforeAll(() => speak('en'));

  test.each([
    [-5, '0 s'],
    [8_999, '8 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [7_500_000, '2 h 05'],
    [200_000_000, '2 d'],
  ])('span of %d ms', (ms, want) => {
    expect(span(ms)).toBe(want);
  });

  test('ages', () => {
    expect(ago(400)).toBe('now');
    expect(ago(61_000)).toBe('1 min ago');
    expect([ticking(8_000), ticking(221_000), ticking(7_509_000)]).toEqual(['0:08', '3:41', '2:05:09']);
  });

  test('distance and accuracy', () => {
    expect([metres(6.4), metres(43), metres(994), metres(1_240), metres(18_700)]).toEqual([
      '6 m',
      '40 m',
      '990 m',
      '1.2 km',
      '19 km',
    ]);
    expect(accuracy(6.1)).toBe('±7 m');
    expect(accuracy(0)).toBe('accuracy unknown');
    expect(accuracy(undefined)).toBe('accuracy unknown');
  });

  test('places', () => {
    expect(coordinates({ lat: -43.6, lon: 7.05502 })).toBe('43.60000° S  7.05502° E');
    expect(place({ kind: 'near', zone: 'Quarry', metres: 420, towards: 'nw' })).toBe('420 m north‑west of Quarry');
  });

  test('a word that the catalogue does not have is shown as it is', () => {
    expect(word('alarm.kind', 'sos')).toBe('SOS');
    expect(word('alarm.kind', 'volcano')).toBe('volcano');
  });

  test('plural', () => {
    expect(n('web.bar.danger', 1)).toBe('1 alarm needs somebody');
    expect(n('web.bar.danger', 1200)).toBe('1,200 alarms need somebody');
  });
});

describe('figures in French', () => {
  beforeAll(() => speak('fr'));

  test('zero is singular, and the comma is a comma', () => {
    expect(lang.value).toBe('fr');
    expect(document.documentElement.lang).toBe('fr');
    expect(n('web.bar.people', 0)).toBe('0 personne');
    expect(metres(1_240)).toBe('1,2 km');
    expect(ago(61_000)).toBe('il y a 1 min');
    expect(clock(Date.UTC(2026, 10, 22, 12, 0, 5))).toMatch(/^\d\d:00:05$/);
    expect(t('web.take')).toBe('Prendre en charge');
  });
});
