import { describe, expect, test } from 'vitest';
import { DecodeError, integer, list, object, text } from '../../src/api/decode.ts';
import { alarm as alarmDecoder, message, snapshot } from '../../src/api/feed.ts';
import { apply, emptyBoard, merge } from '../../src/state/board.ts';
import { noClock, sample, serverNow, slept } from '../../src/state/clock.ts';
import { backoffMs, type Facts, modeAt, noFacts } from '../../src/state/mode.ts';
import { byName, census, freshness, inOrder, lines, noFilter, standing } from '../../src/state/people.ts';
import { distanceM, inside, placeOf, towards, whereNow, type Zone } from '../../src/state/place.ts';
import { from, gapGraceMs, heard, isGap, told } from '../../src/state/sequence.ts';
import { parse } from '../../src/ui/route.ts';
import { alarm, live, person, snap, t0 } from './make.ts';

describe('decoding names the path', () => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    [
      'a missing field',
      () => snapshot({ seq: 1, nowMs: 1, workers: [{ worker: 'a', name: 'A', onShift: true }], alarms: [] }, ''),
      'workers[0].team: want text, got nothing',
    ],
    [
      'a wrong type deep inside',
      () =>
        message(
          { type: 'changes', seq: 1, nowMs: 1, changes: [{ kind: 'live', live: { ...live('a', 1), lat: '1' } }] },
          '',
        ),
      'changes[0].live.lat: want a number, got string "1"',
    ],
    [
      'an unknown message',
      () => message({ type: 'shout', nowMs: 1 }, ''),
      'type: want changes, sync, pong, reconnect or error, got string "shout"',
    ],
    ['not an object', () => message([], ''), '(top): want an object, got an array'],
    ['a fraction', () => integer(1.5, 'seq'), 'seq: want a whole number, got number 1.5'],
    [
      'not a number',
      () => snapshot({ seq: Number.NaN, nowMs: 1, workers: [], alarms: [] }, ''),
      'seq: want a whole number, got number null',
    ],
    ['a table that is none', () => list(text)({}, 'log'), 'log: want an array, got an object'],
    ['nothing at all', () => object({ a: text })(null, ''), '(top): want an object, got null'],
  ];
  test.each(cases)('%s', (_, act, said) => {
    expect(act).toThrow(DecodeError);
    expect(act).toThrow(said);
  });

  test('what a newer server may say blanks nothing', () => {
    expect(alarmDecoder({ ...alarm('a', 1), state: 'shelved', colour: 'blue' }, '').state).toBe('active');
    const m = message(
      { type: 'changes', seq: 1, nowMs: 1, changes: [{ kind: 'weather' }, { kind: 'live', live: live('a', 1) }] },
      '',
    );
    expect(m.type === 'changes' && m.changes.length).toBe(1);
    expect(snapshot({ seq: 1, nowMs: 1, workers: null, alarms: null }, '').workers).toEqual([]);
  });
});

describe('the sequence', () => {
  test('in order there is no gap', () => {
    const s = heard(heard(from(40), 41, 0), 42, 0);
    expect(s).toEqual(from(42));
    expect(isGap(s, 10_000)).toBe(false);
  });

  test('a message that overtakes another is no gap for a while, and then is', () => {
    const s = heard(from(40), 42, 1000);
    expect(isGap(s, 1000 + gapGraceMs - 1)).toBe(false);
    expect(isGap(s, 1000 + gapGraceMs)).toBe(true);
    expect(heard(s, 41, 1300)).toEqual(from(42));
  });

  test('a pong that knows of more is a gap until it is heard', () => {
    const s = told(from(40), 42, 40, 0);
    expect(isGap(heard(s, 41, 100), gapGraceMs)).toBe(true);
    expect(heard(heard(s, 41, 100), 42, 200)).toEqual(from(42));
  });

  test('a pong that was overtaken by a change is none', () => {
    expect(told(heard(from(40), 41, 0), 40, 40, 0).gapSince).toBe(null);
  });

  test('numbers that began anew are a gap at once', () => {
    expect(isGap(told(from(40), 3, 40, 0), 0)).toBe(true);
  });

  test('what was heard before changes nothing', () => {
    const s = from(40);
    expect(heard(s, 40, 0)).toBe(s);
    expect(heard(s, 3, 0)).toBe(s);
  });
});

describe('the mode', () => {
  const well: Facts = { ...noFacts, socket: 'open', synced: true, saidAt: 9_000, truthAt: 9_000 };
  const cases: readonly (readonly [string, Facts, number, string])[] = [
    ['all well', well, 10_000, 'LIVE'],
    ['open but silent', well, 16_001, 'RECONNECTING'],
    ['silent for long', well, 24_001, 'UNAVAILABLE'],
    ['store away, however well the rest', { ...well, store: 'away' }, 10_000, 'UNAVAILABLE'],
    ['an answer nobody can read', { ...well, readable: false }, 10_000, 'UNAVAILABLE'],
    ['open, snapshot on its way', { ...well, synced: false }, 10_000, 'RESYNC'],
    ['closed', { ...well, socket: 'closed', synced: false }, 10_000, 'RECONNECTING'],
    ['closed, polled', { ...well, socket: 'closed', synced: false, polledAt: 9_500 }, 10_000, 'POLLING'],
    [
      'closed, polled too long ago',
      { ...well, socket: 'closed', synced: false, polledAt: 1_000, truthAt: 1_000 },
      16_001,
      'UNAVAILABLE',
    ],
    ['just opened the page', noFacts, 1_000, 'RECONNECTING'],
    ['opened the page, and nothing for long', noFacts, 15_001, 'UNAVAILABLE'],
    ['connected, and never a snapshot', { ...noFacts, socket: 'open', saidAt: 15_000 }, 15_001, 'UNAVAILABLE'],
  ];
  test.each(cases)('%s', (_, facts, now, mode) => {
    expect(modeAt(facts, now, 0, false)).toBe(mode);
  });

  test('a hidden page is asked less often, and may be silent for longer', () => {
    expect(modeAt(well, 40_000, 0, true)).toBe('LIVE');
    expect(modeAt(well, 40_000, 0, false)).toBe('UNAVAILABLE');
  });

  test('waiting: full jitter below 0.5 s doubling to 8 s', () => {
    expect([0, 1, 2, 3, 4, 5, 60].map((n) => backoffMs(n, 1))).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(backoffMs(5, 0)).toBe(0);
    expect(backoffMs(5, 0.5)).toBe(4000);
  });
});

describe("the server's time", () => {
  test('is right on a PC whose clock is a day wrong', () => {
    const wall = t0 - 86_400_000;
    const c = sample(noClock, 1_000, 1_200, t0, wall);
    expect(serverNow(c, 1_100, wall - 100)).toBe(t0);
    expect(serverNow(c, 11_100, wall + 9_900)).toBe(t0 + 10_000);
  });

  test('comes from the quickest answer, until that is old', () => {
    const quick = sample(noClock, 0, 20, t0, 0);
    expect(sample(quick, 1_000, 1_900, t0, 0)).toBe(quick);
    expect(sample(quick, 200_000, 200_900, t0, 0).at).toBe(200_900);
  });

  test('after a sleep nothing looks younger than it is', () => {
    const c = sample(noClock, 0, 0, t0, 5_000_000);
    expect(slept(c, 1_000, 5_001_000)).toBe(0);
    // An hour on the wall, a second by performance.now().
    expect(slept(c, 1_000, 8_601_000)).toBe(3_600_000);
    expect(serverNow(c, 1_000, 8_601_000)).toBe(t0 + 3_601_000);
    // Somebody sets the clock back: no age gets younger.
    expect(serverNow(c, 1_000, 1_001_000)).toBe(t0 + 1_000);
  });

  test('is not known before the first answer', () => {
    expect(serverNow(noClock, 5, 5)).toBe(null);
  });
});

describe('people', () => {
  test.each([
    ['heard in time', person('a', { live: live('a', 1, { expectS: 10 }) }), 60_000, 'well'],
    ['half as late again and the way', person('a', { live: live('a', 1, { expectS: 10 }) }), 60_001, 'late'],
    ['nothing announced counts as a minute', person('a', { live: live('a', 1) }), 134_000, 'well'],
    ['given up', person('a', { live: live('a', 1, { lost: true }) }), 0, 'lost'],
    ['off shift is not silent', person('a', { onShift: false, live: live('a', 1, { lost: true }) }), 9e9, 'off'],
    ['on shift and never heard', person('a'), 0, 'never'],
  ] as const)('%s', (_, worker, after, want) => {
    expect(standing(worker, false, t0 + after)).toBe(want);
    expect(standing(worker, true, t0 + after)).toBe('alarm');
  });

  test('the look of a position ages', () => {
    expect([0, 90_000, 90_001, 900_000, 900_001].map((age) => freshness(t0, t0 + age))).toEqual([
      'solid',
      'solid',
      'ring',
      'ring',
      'hollow',
    ]);
    expect(freshness(undefined, t0)).toBe('none');
  });

  const board = merge(
    emptyBoard,
    snap(
      1,
      [
        person('zoe', { name: 'Zoé Étoile', live: live('zoe', 1, { expectS: 9999 }) }),
        person('bob', { name: 'Bob', team: 'south', live: live('bob', 1, { lost: true }) }),
        person('marie', { name: 'Marie D.', live: live('marie', 1, { expectS: 9999 }) }),
        person('off', { name: 'Anna', onShift: false }),
      ],
      [alarm('a', 1)],
    ),
  );
  const names = (filter: Partial<typeof noFilter>) =>
    lines(
      board,
      { ...noFilter, ...filter },
      t0,
      (team) => (team === 'south' ? 'Équipe Sud' : team),
      byName()(board, new Intl.Collator('fr')),
    ).map((l) => l.worker.worker);

  test('who needs somebody comes first, then by name', () => {
    expect(names({})).toEqual(['marie', 'bob', 'zoe', 'off']);
  });

  test('search folds case and accents, and reads team names', () => {
    expect(names({ words: 'ZOE etoi' })).toEqual(['zoe']);
    expect(names({ words: 'equipe sud' })).toEqual(['bob']);
    expect(names({ words: 'nobody' })).toEqual([]);
  });

  test('selections', () => {
    expect(names({ show: 'trouble' })).toEqual(['marie', 'bob']);
    expect(names({ show: 'off' })).toEqual(['off']);
    expect(names({ team: 'south' })).toEqual(['bob']);
  });

  test('the census counts alarms, not people', () => {
    const two = apply(board, { kind: 'alarm', alarm: alarm('b', 1, { state: 'taken' }) });
    expect(census(two, t0)).toEqual({ danger: 1, grave: 1, taken: 1, silent: 1, well: 2, off: 1, total: 4 });
  });

  test('alarms: nobody has it yet, then priority, then the oldest', () => {
    const sorted = inOrder([
      alarm('taken', 1, { state: 'taken' }),
      alarm('low', 1, { priority: 3 }),
      alarm('young', 1, { raisedAtMs: t0 + 5 }),
      alarm('old', 1),
      alarm('pending', 1, { state: 'pending' }),
    ]);
    expect(sorted.map((a) => a.id)).toEqual(['old', 'young', 'low', 'pending', 'taken']);
  });
});

describe('places', () => {
  const square = (zone: string, lon: number, lat: number, r: number): Zone => ({
    zone,
    name: zone,
    ring: [
      [lon - r, lat - r],
      [lon + r, lat - r],
      [lon + r, lat + r],
      [lon - r, lat + r],
      [lon - r, lat - r],
    ],
  });
  const big = square('big', 7, 43, 0.1);
  const small = square('small', 7, 43, 0.01);

  test('inside the smallest zone', () => {
    expect(placeOf({ lat: 43, lon: 7 }, [big, small])).toEqual({ kind: 'in', zone: 'small' });
    expect(inside({ lat: 43.05, lon: 7 }, small.ring)).toBe(false);
  });

  test('near: distance to the edge and the point of the compass', () => {
    const p = placeOf({ lat: 43.02, lon: 7 }, [small]);
    expect(p.kind).toBe('near');
    if (p.kind !== 'near') return;
    expect(p.metres).toBeGreaterThan(1_100);
    expect(p.metres).toBeLessThan(1_125);
    expect(p.towards).toBe('n');
  });

  test('far from all zones, coordinates say more', () => {
    expect(placeOf({ lat: 48, lon: 2 }, [big]).kind).toBe('point');
    expect(placeOf({ lat: 48, lon: 2 }, []).kind).toBe('point');
  });

  test('an alarm is where its worker has been seen since, and never where they were before', () => {
    const raised = { lat: 43, lon: 7, accuracyM: 9, fixAtMs: 1_000 };
    const later = { lat: 43.01, lon: 7, accuracyM: 4, fixAtMs: 2_000 };
    expect(whereNow(raised, later)).toBe(later);
    expect(whereNow(later, raised)).toBe(later);
    expect(whereNow(raised, { fixAtMs: 2_000 })).toBe(raised);
    expect(whereNow(raised, undefined)).toBe(raised);
    expect(whereNow({}, later)).toBe(later);
  });

  test('distance and direction', () => {
    expect(distanceM({ lat: 0, lon: 0 }, { lat: 0, lon: 1 })).toBeCloseTo(111_195, -1);
    expect(towards({ lat: 0, lon: 0 }, { lat: -1, lon: -1 })).toBe('sw');
  });
});

describe('addresses', () => {
  test.each([
    ['#/a/q2f7', { page: 'alarm', id: 'q2f7' }],
    ['/a/q2f7', { page: 'alarm', id: 'q2f7' }],
    ['#/w/zo%C3%A9', { page: 'worker', id: 'zoé' }],
    ['#/w/%', { page: 'board' }],
    ['/', { page: 'board' }],
    ['', { page: 'board' }],
    ['#/x/1', { page: 'board' }],
  ])('%s', (path, want) => {
    expect(parse(path)).toEqual(want);
  });
});
