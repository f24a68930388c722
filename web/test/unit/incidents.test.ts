import { describe, expect, test } from 'vitest';
import { apply, emptyBoard } from '../../src/state/board.ts';
import { arranged, flat, floodMost, floodMs, latched, shelvable } from '../../src/state/incidents.ts';
import { census, inOrder } from '../../src/state/people.ts';
import { loud, rung, unattended } from '../../src/state/ring.ts';
import { alarm, t0 } from './make.ts';

const shelf = { untilMs: t0 + 3_600_000, by: 'Claire M.', why: 'old battery' };
const many = (n: number, more: (i: number) => Parameters<typeof alarm>[2]) =>
  Array.from({ length: n }, (_, i) => alarm(`a${String(i).padStart(2, '0')}`, 1, more(i)));

describe('arranged', () => {
  test('what belongs together is under the gravest that nobody has', () => {
    const fall = alarm('fall', 1, { kind: 'fall', state: 'taken' });
    const low = alarm('low', 1, { kind: 'low-battery', priority: 3, incident: 'fall', raisedAtMs: t0 + 1 });
    const sos = alarm('sos', 1, { incident: 'fall', raisedAtMs: t0 + 2 });
    const other = alarm('other', 1, { kind: 'zone-left', priority: 2, worker: 'paul' });
    const a = arranged(inOrder([fall, low, sos, other]), t0);
    expect(a.incidents.map((i) => [i.lead.id, ...i.rest.map((r) => r.id)])).toEqual([
      ['sos', 'low', 'fall'],
      ['other'],
    ]);
    expect(a.flood).toBe(0);
    const taken = arranged(
      inOrder([fall, { ...sos, state: 'taken' as const }, { ...low, state: 'taken' as const }]),
      t0,
    );
    expect(taken.incidents.map((i) => i.lead.id)).toEqual(['sos']);
  });

  test('what is set aside is apart, and counts for nothing', () => {
    const low = alarm('low', 1, { kind: 'taken-off', priority: 2, shelf });
    const a = arranged(inOrder([low]), t0);
    expect([a.incidents.length, a.aside.map((x) => x.id)]).toEqual([0, ['low']]);
    const board = apply(emptyBoard, { kind: 'alarm', alarm: low });
    expect([unattended(low), loud(board), rung(emptyBoard, board).length, census(board, t0).danger]).toEqual([
      false,
      false,
      0,
      0,
    ]);
    const { shelf: _, ...back } = low;
    const after = apply(board, { kind: 'alarm', alarm: { ...back, version: 2 } });
    expect([loud(after), rung(board, after).map((x) => x.id), census(after, t0).grave]).toEqual([true, ['low'], 1]);
  });

  test('a flood is more than ten new ones in ten minutes; then those without priority 1 are put together', () => {
    const mixed = (i: number) => (i % 2 === 0 ? { priority: 1 } : { kind: 'zone-left', priority: 2 });
    expect(arranged(inOrder(many(floodMost, mixed)), t0 + floodMs).flood).toBe(0);
    const eleven = inOrder(many(floodMost + 1, mixed));
    const a = arranged(eleven, t0 + floodMs);
    expect([a.flood, a.incidents.length, a.lesser.length]).toEqual([11, 6, 5]);
    expect(a.incidents.every((i) => i.lead.priority === 1)).toBe(true);
    const later = arranged(eleven, t0 + floodMs + 1);
    expect([later.flood, later.incidents.length, later.lesser.length]).toEqual([0, 11, 0]);
  });

  test('in a flood an incident with an alarm of priority 1 is not put away', () => {
    const all = many(12, (i) => ({ kind: 'zone-left', priority: i === 7 ? 1 : 2, incident: i < 8 ? 'x' : `y${i}` }));
    const a = arranged(inOrder(all), t0);
    expect([a.incidents.length, a.incidents[0]?.rest.length, a.lesser.length]).toEqual([1, 7, 4]);
  });

  test('each alarm is in exactly one place', () => {
    const all = many(60, (i) => ({
      priority: 1 + (i % 3),
      incident: `i${i % 7}`,
      state: i % 5 === 0 ? 'taken' : 'active',
      ...(i % 11 === 0 ? { shelf } : {}),
    }));
    const shown = flat(arranged(inOrder(all), t0)).map((x) => x.id);
    expect(shown.toSorted()).toEqual(all.map((x) => x.id).toSorted());
  });
});

test('what wants a reason, and what may be set aside', () => {
  expect(
    ['sos', 'covert-sos', 'fall', 'low-battery'].map((kind) => latched(alarm('a', 1, { kind, priority: 2 }))),
  ).toEqual([true, true, true, false]);
  const nuisance = alarm('a', 1, { kind: 'zone-left', priority: 2 });
  expect(shelvable(nuisance)).toBe(true);
  for (const not of [{ kind: 'lost-contact' }, { priority: 1 }, { drill: true }, { state: 'taken' as const }]) {
    expect(shelvable({ ...nuisance, ...not })).toBe(false);
  }
});
