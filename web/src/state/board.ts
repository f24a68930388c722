// The board: plain data, and the pure functions that change it.
import type { Alarm, Change, Live, Snapshot, Worker } from '../api/feed.ts';

export interface Board {
  readonly workers: ReadonlyMap<string, Worker>;
  readonly alarms: ReadonlyMap<string, Alarm>; // open ones
  readonly ended: ReadonlyMap<string, Alarm>; // in their last state, newest last, so that an older message revives none
  readonly strangers: boolean; // a change named a worker that the snapshot does not hold: fetch another
}

export const emptyBoard: Board = { workers: new Map(), alarms: new Map(), ended: new Map(), strangers: false };

const endedKept = 50;

export function isOpen(alarm: Alarm): boolean {
  return alarm.state !== 'resolved' && alarm.state !== 'cancelled';
}

// newer says whether b says more than a. Versions count within one insole; between two insoles the later heard wins.
function newer(a: Live | undefined, b: Live): boolean {
  if (a === undefined) return true;
  return a.insole === b.insole ? b.version > a.version : b.heardAtMs > a.heardAtMs;
}

// apply returns board with change in it, and the same board when change is no news.
export function apply(board: Board, change: Change): Board {
  switch (change.kind) {
    case 'live': {
      const was = board.workers.get(change.live.worker);
      if (was && !newer(was.live, change.live)) return board;
      const workers = new Map(board.workers);
      workers.set(change.live.worker, { ...(was ?? stranger(change.live)), live: change.live });
      return { ...board, workers, strangers: board.strangers || !was };
    }
    case 'alarm': {
      const { alarm } = change;
      const was = board.alarms.get(alarm.id) ?? board.ended.get(alarm.id);
      if (was && alarm.version <= was.version) return board;
      const alarms = new Map(board.alarms);
      if (isOpen(alarm)) {
        alarms.set(alarm.id, alarm);
        return { ...board, alarms };
      }
      alarms.delete(alarm.id);
      return { ...board, alarms, ended: keep(board.ended, alarm) };
    }
    case 'checkin': {
      const { checkIn } = change;
      const was = board.workers.get(checkIn.worker);
      if (!was || (was.checkIn?.version ?? 0) >= checkIn.version) return board;
      return { ...board, workers: new Map(board.workers).set(checkIn.worker, { ...was, checkIn }) };
    }
    default:
      change satisfies never;
      return board;
  }
}

// applyAll applies many changes. The tables are copied once at most, so that a message of a thousand changes costs
// what one costs.
export function applyAll(board: Board, changes: readonly Change[]): Board {
  if (changes.length < 2) return changes.reduce(apply, board);
  let workers: Map<string, Worker> | null = null;
  let next = board;
  for (const change of changes) {
    if (change.kind !== 'live') {
      next = apply(workers ? { ...next, workers } : next, change);
      workers = null;
      continue;
    }
    const table: ReadonlyMap<string, Worker> = workers ?? next.workers;
    const was = table.get(change.live.worker);
    if (was && !newer(was.live, change.live)) continue;
    workers ??= new Map(next.workers);
    workers.set(change.live.worker, { ...(was ?? stranger(change.live)), live: change.live });
    if (!was) next = { ...next, strangers: true };
  }
  return workers ? { ...next, workers } : next;
}

// A worker known only by a change: shown under the name it has, rather than not at all.
function stranger(live: Live): Worker {
  return { worker: live.worker, name: live.worker, team: '', insole: live.insole, onShift: true };
}

function keep(ended: ReadonlyMap<string, Alarm>, alarm: Alarm): Map<string, Alarm> {
  const kept = new Map(ended);
  kept.delete(alarm.id);
  kept.set(alarm.id, alarm);
  for (const id of kept.keys()) {
    if (kept.size <= endedKept) break;
    kept.delete(id);
  }
  return kept;
}

// merge returns the board of a snapshot. What this board already knows better stays: a snapshot may have been read
// before the change that arrived ahead of it. An alarm that the snapshot no longer holds has ended, unless later, what
// arrived after the snapshot was read, tells of it; older news of one that has ended revives nothing.
export function merge(board: Board, snapshot: Snapshot, later: readonly Change[] = []): Board {
  const workers = new Map<string, Worker>();
  for (const w of snapshot.workers) {
    const before = board.workers.get(w.worker);
    const was = before?.live;
    const keepOld = was !== undefined && (w.live === undefined ? was.insole === w.insole : newer(w.live, was));
    const asked = before?.checkIn;
    const known = asked && asked.version > (w.checkIn?.version ?? 0) ? { ...w, checkIn: asked } : w;
    workers.set(w.worker, keepOld ? { ...known, live: was } : known);
  }
  const alarms = new Map<string, Alarm>();
  for (const a of snapshot.alarms) {
    const ended = board.ended.get(a.id);
    if (ended && ended.version >= a.version) continue;
    const was = board.alarms.get(a.id);
    alarms.set(a.id, was && was.version > a.version ? was : a);
  }
  const told = new Set(later.flatMap((c) => (c.kind === 'alarm' ? [c.alarm.id] : [])));
  let ended = board.ended;
  for (const a of board.alarms.values()) {
    if (!alarms.has(a.id) && !told.has(a.id)) ended = keep(ended, a);
  }
  return { workers, alarms, ended, strangers: false };
}
