// The dossier is the very file that the Go tests of internal/audit write.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Act, apply, begin, dossier, moments, type Replay, stood } from '../../src/more/replay-state.ts';

const file = join(import.meta.dirname, '..', '..', '..', 'internal', 'audit', 'testdata', 'dossier.json');
const d = dossier(JSON.parse(readFileSync(file, 'utf8')), '');
const noon = Date.UTC(2026, 10, 23, 12);
const all = (r: Replay, ...acts: readonly Act[]): Replay => acts.reduce(apply, r);

describe('replay', () => {
  test('everything is on one timeline, in order', () => {
    const list = moments(d);
    expect(list.map((m) => m.atMs)).toEqual(list.map((m) => m.atMs).toSorted((a, b) => a - b));
    expect(list.filter((m) => m.of === 'log').map((m) => m.line.what)).toEqual([
      'raised',
      'step',
      'declined',
      'pressed',
      'taken',
      'felt-taken',
      'resolved',
    ]);
    expect(list.filter((m) => m.of === 'page').map((m) => [m.page.contact, m.became, m.atMs - noon])).toEqual([
      ['claire', 'queued', 400],
      ['paul', 'queued', 400],
      ['claire', 'accepted', 900],
      ['paul', 'accepted', 950],
      ['paul', 'opened', 40_000],
      ['paul', 'declined', 45_000],
    ]);
  });

  test('how things stood', () => {
    const at = (s: number) => stood(d, noon + s * 1000);
    expect(at(-1).state).toBe('before');
    expect(at(1).state).toBe('active');
    expect([at(95).state, at(95).owner]).toEqual(['taken', 'Claire M.']);
    expect(at(15 * 60).state).toBe('ended');
    const marie = at(0).people[0];
    expect(marie?.person.name).toBe('Marie D.');
    expect(marie?.last?.atMs).toBe(noon);
    expect(marie?.way.every((r) => r.atMs <= noon)).toBe(true);
    expect(stood(d, d.fromMs - 1).people[0]?.last).toBeNull();
    expect(at(0).people).toHaveLength(2);
  });

  test('playing goes as fast as it says, ends at the end, and begins anew from there', () => {
    const r = begin(d);
    expect([r.atMs - noon, r.playing, r.speed]).toEqual([-10_000, false, 8]);
    expect(apply(r, { do: 'tick', elapsedMs: 100 })).toBe(r);
    const playing = all(r, { do: 'toggle' }, { do: 'tick', elapsedMs: 500 });
    expect(playing.atMs - r.atMs).toBe(4000);
    const end = all(playing, { do: 'tick', elapsedMs: 1e9 });
    expect([end.atMs, end.playing]).toEqual([r.toMs, false]);
    expect(all(end, { do: 'toggle' }).atMs).toBe(r.fromMs);
    expect(apply(playing, { do: 'tick', elapsedMs: -5 })).toBe(playing);
  });

  test('from moment to moment', () => {
    const r = begin(d);
    const next = all(r, { do: 'next' }, { do: 'next' });
    expect(next.atMs - noon).toBe(900);
    expect(all(next, { do: 'previous' }).atMs - noon).toBe(400);
    expect(all(r, { do: 'previous' }).atMs).toBe(r.fromMs);
    const end = all(r, ...Array.from({ length: 50 }, () => ({ do: 'next' }) as const));
    expect(end.atMs).toBe(r.toMs);
    expect(all(r, { do: 'seek', atMs: 0 }).atMs).toBe(r.fromMs);
    expect(all(r, { do: 'seek', atMs: Number.NaN })).toBe(r);
  });

  test('1 to 64 times as fast', () => {
    let r = begin(d);
    for (let i = 0; i < 9; i += 1) r = apply(r, { do: 'faster' });
    expect(r.speed).toBe(64);
    for (let i = 0; i < 9; i += 1) r = apply(r, { do: 'slower' });
    expect(r.speed).toBe(1);
  });
});
