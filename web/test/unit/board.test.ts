import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/api/feed.ts';
import { apply, applyAll, type Board, emptyBoard, merge } from '../../src/state/board.ts';
import { rung } from '../../src/state/ring.ts';
import { alarm, live, person, snap } from './make.ts';

const board = merge(
  emptyBoard,
  snap(1, [person('marie', { live: live('marie', 5, { lat: 1, lon: 2 }) }), person('paul')], [alarm('a', 2)]),
);

test('what is asked of a worker moves forward only, whatever comes with it, and survives an older snapshot', () => {
  const w = { worker: 'marie', name: 'Marie', team: 'north', onShift: true };
  const asked = (version: number, dueAtMs: number) =>
    ({ kind: 'checkin', checkIn: { worker: 'marie', dueAtMs, version } }) as const;
  const start = merge(emptyBoard, { seq: 1, nowMs: 0, workers: [w], alarms: [] });
  const moved = {
    kind: 'live',
    live: { insole: 'a', worker: 'marie', heardAtMs: 5, atMs: 5, version: 3 },
  } as const;
  const board = applyAll(start, [
    moved,
    asked(2, 200),
    asked(1, 100),
    { ...moved, live: { ...moved.live, version: 4 } },
  ]);
  expect(board.workers.get('marie')?.checkIn?.dueAtMs).toBe(200);
  expect(board.workers.get('marie')?.live?.version).toBe(4);
  expect(apply(board, asked(2, 300))).toBe(board);
  const again = merge(board, { seq: 2, nowMs: 0, workers: [{ ...w, checkIn: asked(1, 100).checkIn }], alarms: [] });
  expect(again.workers.get('marie')?.checkIn?.dueAtMs).toBe(200);
});

describe('apply', () => {
  test('a report older than the one it has moves nobody back', () => {
    const late: Change = { kind: 'live', live: live('marie', 4, { lat: 9, lon: 9 }) };
    expect(apply(board, late)).toBe(board);
    expect(apply(board, { kind: 'live', live: live('marie', 5) })).toBe(board);
  });

  test('newer news replaces older', () => {
    const next = apply(board, { kind: 'live', live: live('marie', 6, { lat: 3, lon: 4 }) });
    expect(next.workers.get('marie')?.live?.lat).toBe(3);
    expect(board.workers.get('marie')?.live?.lat).toBe(1);
  });

  test('between two insoles of one worker the later heard wins, whatever the versions', () => {
    const other = live('marie', 1, { insole: 'new', heardAtMs: 1_795_367_930_000 });
    expect(apply(board, { kind: 'live', live: other }).workers.get('marie')?.live?.insole).toBe('new');
    const older = live('marie', 99, { insole: 'old', heardAtMs: 1_795_367_000_000 });
    expect(apply(board, { kind: 'live', live: older })).toBe(board);
  });

  test('a worker that the snapshot did not hold is shown, and another snapshot wanted', () => {
    const next = apply(board, { kind: 'live', live: live('zoe', 1) });
    expect(next.workers.get('zoe')?.name).toBe('zoe');
    expect(next.strangers).toBe(true);
  });

  test('an alarm that ended leaves, and no older message brings it back', () => {
    const ended = apply(board, { kind: 'alarm', alarm: alarm('a', 4, { state: 'resolved' }) });
    expect(ended.alarms.size).toBe(0);
    expect(apply(ended, { kind: 'alarm', alarm: alarm('a', 3, { state: 'taken' }) })).toBe(ended);
  });

  test('what ended is remembered for 50 alarms', () => {
    let b: Board = board;
    for (let i = 0; i < 70; i += 1) b = apply(b, { kind: 'alarm', alarm: alarm(`x${i}`, 1, { state: 'cancelled' }) });
    expect(b.ended.size).toBe(50);
    expect(b.ended.has('x69')).toBe(true);
    expect(b.ended.has('x0')).toBe(false);
  });
});

// A seeded chance: the same 200 histories in every run.
function chance(seed: number): () => number {
  let s = seed;
  return () => {
    s = (s * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return s / 4_294_967_296;
  };
}

describe('any order, any repetition', () => {
  test('the same changes shuffled and repeated make the same board, one by one or at once', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = chance(seed);
      const changes: Change[] = [];
      for (let v = 6; v < 16; v += 1) {
        changes.push({ kind: 'live', live: live('marie', v, { lat: v, lon: v }) });
        changes.push({ kind: 'live', live: live('zoe', v) });
      }
      for (let v = 3; v < 8; v += 1) {
        const state = v === 7 ? 'resolved' : v > 4 ? 'taken' : 'active';
        changes.push(
          { kind: 'alarm', alarm: alarm('a', v, { state }) },
          { kind: 'alarm', alarm: alarm('b', v - 2, { presses: v }) },
        );
      }
      const inOrder = applyAll(board, changes);
      const mixed = [...changes, ...changes]
        .map((c) => [random(), c] as const)
        .sort((x, y) => x[0] - y[0])
        .map(([, c]) => c);
      expect(applyAll(board, mixed)).toEqual(inOrder);
      expect(mixed.reduce(apply, board)).toEqual(inOrder);
    }
  });
});

describe('merge', () => {
  test('what the page knows better than the snapshot stays', () => {
    const next = merge(board, snap(9, [person('marie', { live: live('marie', 4) })], [alarm('a', 1)]));
    expect(next.workers.get('marie')?.live?.version).toBe(5);
    expect(next.alarms.get('a')?.version).toBe(2);
    expect(next.workers.has('paul')).toBe(false);
  });

  test('an alarm that ended is not revived by a snapshot read before', () => {
    const ended = apply(board, { kind: 'alarm', alarm: alarm('a', 4, { state: 'resolved' }) });
    expect(merge(ended, snap(9, [], [alarm('a', 3)])).alarms.size).toBe(0);
  });

  test('an alarm that the snapshot no longer holds is gone', () => {
    expect(merge(board, snap(9)).alarms.size).toBe(0);
  });

  test('an alarm that left with a snapshot is not revived by older news of it', () => {
    const older: Change = { kind: 'alarm', alarm: alarm('a', 2) };
    expect(apply(merge(board, snap(9)), older).alarms.size).toBe(0);
  });

  test('an alarm raised while the snapshot was on its way stays', () => {
    const raised: Change = { kind: 'alarm', alarm: alarm('a', 2) };
    expect(applyAll(merge(board, snap(9), [raised]), [raised]).alarms.size).toBe(1);
  });
});

describe('what rings', () => {
  const ids = (before: Board, after: Board) => rung(before, after).map((a) => a.id);

  test('new alarms, also those of a snapshot after a gap, and the first snapshot', () => {
    expect(ids(emptyBoard, board)).toEqual(['a']);
    expect(ids(board, merge(board, snap(9, [], [alarm('a', 2), alarm('gap', 1)])))).toEqual(['gap']);
  });

  test('help asked for again, even when somebody has it', () => {
    const taken = apply(board, { kind: 'alarm', alarm: alarm('a', 3, { state: 'taken' }) });
    expect(ids(board, taken)).toEqual([]);
    expect(ids(taken, apply(taken, { kind: 'alarm', alarm: alarm('a', 4, { state: 'taken', presses: 2 }) }))).toEqual([
      'a',
    ]);
  });

  test('an owner who did nothing, and a pre-alarm that became one', () => {
    const taken = apply(board, { kind: 'alarm', alarm: alarm('a', 3, { state: 'taken' }) });
    expect(ids(taken, apply(taken, { kind: 'alarm', alarm: alarm('a', 4, { state: 'active' }) }))).toEqual(['a']);
    const pending = apply(board, { kind: 'alarm', alarm: alarm('p', 1, { state: 'pending' }) });
    expect(ids(board, pending)).toEqual(['p']);
    expect(ids(pending, apply(pending, { kind: 'alarm', alarm: alarm('p', 2) }))).toEqual(['p']);
  });

  test('nothing rings for a note, a resolve, or a position', () => {
    expect(ids(board, apply(board, { kind: 'alarm', alarm: alarm('a', 3, { note: 'called' }) }))).toEqual([]);
    expect(ids(board, apply(board, { kind: 'alarm', alarm: alarm('a', 3, { state: 'resolved' }) }))).toEqual([]);
    expect(ids(board, apply(board, { kind: 'live', live: live('marie', 9) }))).toEqual([]);
  });
});
