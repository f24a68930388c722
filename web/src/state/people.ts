// What a line of the list says of a worker, and in which order and selection lines come.
import type { Alarm, Live, Worker } from '../api/feed.ts';
import type { Board } from './board.ts';

// alarm    an open alarm of this worker
// lost     the watchdog has given up waiting
// late     the next report is overdue by the insole's own announcement
// well     heard in time
// off      not on shift
// never    nothing was ever heard
export type Standing = 'alarm' | 'lost' | 'late' | 'well' | 'off' | 'never';

// How old a position looks: solid (now), ring (minutes), hollow (a place somebody was once).
export type Freshness = 'solid' | 'ring' | 'hollow' | 'none';

const announcedS = 60; // taken for an insole that does not say

// What a report may take from the bridge to this page: it is held up to 30 s there, to travel with others.
const wayMs = 45_000;

// overdue says whether live should have been followed by another report: half as long again as announced, and the way.
export function overdue(live: Live, nowMs: number): boolean {
  return nowMs - live.heardAtMs > (live.expectS ?? announcedS) * 1500 + wayMs;
}

export function standing(worker: Worker, alarmed: boolean, nowMs: number): Standing {
  if (alarmed) return 'alarm';
  if (!worker.live) return worker.onShift ? 'never' : 'off';
  if (!worker.onShift) return 'off';
  if (worker.live.lost) return 'lost';
  return overdue(worker.live, nowMs) ? 'late' : 'well';
}

export function freshness(fixAtMs: number | undefined, nowMs: number): Freshness {
  if (fixAtMs === undefined) return 'none';
  const age = nowMs - fixAtMs;
  if (age <= 90_000) return 'solid';
  return age <= 15 * 60_000 ? 'ring' : 'hollow';
}

export interface Line {
  readonly worker: Worker;
  readonly standing: Standing;
  readonly alarms: readonly Alarm[];
}

export type Show = 'all' | 'trouble' | 'off';

export interface Filter {
  readonly words: string;
  readonly show: Show;
  readonly team: string; // '' = every team
}

export const noFilter: Filter = { words: '', show: 'all', team: '' };

const order: Record<Standing, number> = { alarm: 0, lost: 1, late: 2, never: 3, well: 4, off: 5 };

// plain folds case and accents, so that "zoe" finds Zoé.
export function plain(s: string): string {
  return s
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase();
}

function matches(worker: Worker, words: readonly string[], teamName: string): boolean {
  const hay = plain([worker.name, worker.worker, worker.insole ?? '', worker.phone ?? '', teamName].join(' '));
  return words.every((w) => hay.includes(w));
}

// alarmsByWorker gathers the open alarms of each worker.
export function alarmsByWorker(open: Board['alarms']): ReadonlyMap<string, readonly Alarm[]> {
  const by = new Map<string, Alarm[]>();
  for (const alarm of open.values()) {
    const of = by.get(alarm.worker);
    if (of) of.push(alarm);
    else by.set(alarm.worker, [alarm]);
  }
  return by;
}

// byName gives each worker its place in the order of names. Names hardly ever change, and comparing them is what
// costs: the answer is the same table as before while they do not.
export function byName(): (board: Board, collator: Intl.Collator) => ReadonlyMap<string, number> {
  let names = new Map<string, string>();
  let of: Intl.Collator | null = null;
  let ranks: ReadonlyMap<string, number> = new Map();
  return (board, collator) => {
    let same = of === collator && names.size === board.workers.size;
    if (same) {
      for (const w of board.workers.values()) {
        if (names.get(w.worker) === w.name) continue;
        same = false;
        break;
      }
    }
    if (same) return ranks;
    const all = [...board.workers.values()].sort((a, b) => collator.compare(a.name, b.name));
    names = new Map(all.map((w) => [w.worker, w.name]));
    of = collator;
    ranks = new Map(all.map((w, i) => [w.worker, i]));
    return ranks;
  };
}

// lines are the workers that pass filter: who needs somebody first, then by name as ranks has it.
export function lines(
  board: Board,
  filter: Filter,
  nowMs: number,
  teamName: (team: string) => string,
  ranks: ReadonlyMap<string, number>,
): readonly Line[] {
  const words = plain(filter.words).split(/\s+/).filter(Boolean);
  const by = alarmsByWorker(board.alarms);
  const found: { line: Line; place: number }[] = [];
  for (const worker of board.workers.values()) {
    if (filter.team !== '' && worker.team !== filter.team) continue;
    if (words.length > 0 && !matches(worker, words, teamName(worker.team))) continue;
    const alarms = by.get(worker.worker) ?? none;
    const s = standing(worker, alarms.length > 0, nowMs);
    if (filter.show === 'trouble' && order[s] > order.never) continue;
    if (filter.show === 'off' && s !== 'off') continue;
    found.push({ line: { worker, standing: s, alarms }, place: order[s] * 1e9 + (ranks.get(worker.worker) ?? 0) });
  }
  return found.sort((a, b) => a.place - b.place).map((f) => f.line);
}

const none: readonly Alarm[] = [];

// inOrder sorts alarms for the top of the page: nobody has it yet before taken, then priority, then the oldest.
export function inOrder(alarms: Iterable<Alarm>): readonly Alarm[] {
  const state = { active: 0, pending: 1, taken: 2, resolved: 3, cancelled: 3 };
  return [...alarms].sort(
    (a, b) =>
      state[a.state] - state[b.state] ||
      a.priority - b.priority ||
      a.raisedAtMs - b.raisedAtMs ||
      (a.id < b.id ? -1 : 1),
  );
}

export interface Census {
  readonly danger: number; // alarms nobody has taken charge of, nor set aside
  readonly grave: number; // those of them in which somebody may be in danger: priority 1 and 2
  readonly taken: number;
  readonly silent: number; // workers on shift that should have been heard
  readonly well: number;
  readonly off: number;
  readonly total: number;
}

export function census(board: Board, nowMs: number): Census {
  let danger = 0;
  let grave = 0;
  let taken = 0;
  for (const alarm of board.alarms.values()) {
    if (alarm.state === 'taken') taken += 1;
    else if (!alarm.shelf) {
      danger += 1;
      if (alarm.priority <= 2) grave += 1;
    }
  }
  let silent = 0;
  let well = 0;
  let off = 0;
  for (const worker of board.workers.values()) {
    const s = standing(worker, false, nowMs);
    if (s === 'lost' || s === 'late') silent += 1;
    else if (s === 'well') well += 1;
    else off += 1;
  }
  return { danger, grave, taken, silent, well, off, total: board.workers.size };
}
