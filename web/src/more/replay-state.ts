// An incident played again: what the dossier says, put on one timeline, and where on it we are. Plain data and pure functions.
import { type Decoder, integer, list, number, object, text } from '../api/decode.ts';

export interface Line {
  readonly n: number;
  readonly atMs: number;
  readonly what: string;
  readonly who: string;
  readonly name: string;
  readonly text: string;
}

export interface Asked {
  readonly step: number;
  readonly contact: string;
  readonly name: string;
  readonly channel: string;
  readonly state: string;
  readonly queuedAtMs: number;
  readonly doneAtMs?: number;
  readonly openedAtMs?: number;
  readonly answer?: string;
  readonly answeredAtMs?: number;
}

export interface Heard {
  readonly atMs: number;
  readonly kind: string;
  readonly lat?: number;
  readonly lon?: number;
  readonly accuracyM?: number;
  readonly batteryPercent?: number;
}

export interface Person {
  readonly worker: string;
  readonly name: string;
  readonly reports: readonly Heard[];
}

export interface Dossier {
  readonly alarm: {
    readonly alarm: string;
    readonly reference: string;
    readonly workerName: string;
    readonly worker: string;
    readonly kind: string;
    readonly sentAtMs: number;
    readonly raisedAtMs: number;
  };
  readonly fromMs: number;
  readonly toMs: number;
  readonly log: readonly Line[];
  readonly pages: readonly Asked[];
  readonly people: readonly Person[];
  readonly seal: string;
}

export const dossier: Decoder<Dossier> = object<Dossier>({
  alarm: object<Dossier['alarm']>({
    alarm: text,
    reference: text,
    workerName: text,
    worker: text,
    kind: text,
    sentAtMs: integer,
    raisedAtMs: integer,
  }),
  fromMs: integer,
  toMs: integer,
  log: list(object<Line>({ n: integer, atMs: integer, what: text, who: text, name: text, text })),
  pages: list(
    object<Pick<Asked, 'step' | 'contact' | 'name' | 'channel' | 'state' | 'queuedAtMs'>, Omit<Asked, never>>(
      { step: integer, contact: text, name: text, channel: text, state: text, queuedAtMs: integer },
      {
        step: integer,
        contact: text,
        name: text,
        channel: text,
        state: text,
        queuedAtMs: integer,
        doneAtMs: integer,
        openedAtMs: integer,
        answer: text,
        answeredAtMs: integer,
      },
    ),
  ),
  people: list(
    object<Person>({
      worker: text,
      name: text,
      reports: list(
        object<Pick<Heard, 'atMs' | 'kind'>, Omit<Heard, 'atMs' | 'kind'>>(
          { atMs: integer, kind: text },
          { lat: number, lon: number, accuracyM: number, batteryPercent: integer },
        ),
      ),
    }),
  ),
  seal: text,
});

// A Moment is one thing on the timeline. Positions are drawn, not listed; what else an insole said is a moment.
export type Moment =
  | { readonly atMs: number; readonly of: 'log'; readonly line: Line }
  | { readonly atMs: number; readonly of: 'page'; readonly page: Asked; readonly became: string }
  | { readonly atMs: number; readonly of: 'report'; readonly person: Person; readonly kind: string };

const calm: ReadonlySet<string> = new Set(['fix', 'status', 'steps', 'battery']);

// moments is everything of d that one can point at, oldest first.
export function moments(d: Dossier): readonly Moment[] {
  const all: Moment[] = [];
  for (const line of d.log) if (line.what !== 'paged') all.push({ atMs: line.atMs, of: 'log', line });
  for (const page of d.pages) {
    all.push({ atMs: page.queuedAtMs, of: 'page', page, became: 'queued' });
    const done = page.state === 'failed' ? 'failed' : 'accepted';
    if (page.doneAtMs !== undefined) all.push({ atMs: page.doneAtMs, of: 'page', page, became: done });
    if (page.openedAtMs !== undefined) all.push({ atMs: page.openedAtMs, of: 'page', page, became: 'opened' });
    if (page.answeredAtMs !== undefined) {
      all.push({ atMs: page.answeredAtMs, of: 'page', page, became: page.answer ?? 'answered' });
    }
  }
  for (const person of d.people) {
    for (const r of person.reports) {
      if (!calm.has(r.kind)) all.push({ atMs: r.atMs, of: 'report', person, kind: r.kind });
    }
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}

export const speeds = [1, 2, 4, 8, 16, 32, 64] as const;
export type Speed = (typeof speeds)[number];

export interface Replay {
  readonly fromMs: number;
  readonly toMs: number;
  readonly atMs: number;
  readonly playing: boolean;
  readonly speed: Speed;
  readonly stops: readonly number[]; // of moments, oldest first, each once
}

export type Act =
  | { readonly do: 'tick'; readonly elapsedMs: number }
  | { readonly do: 'toggle' }
  | { readonly do: 'seek'; readonly atMs: number }
  | { readonly do: 'next' }
  | { readonly do: 'previous' }
  | { readonly do: 'faster' }
  | { readonly do: 'slower' };

// begin is d stopped ten seconds before help was needed, over all that it has.
export function begin(d: Dossier): Replay {
  const stops = [...new Set(moments(d).map((m) => m.atMs))];
  const fromMs = Math.min(d.fromMs, ...stops.slice(0, 1));
  const toMs = Math.max(d.toMs, ...stops.slice(-1), fromMs);
  const first = d.alarm.sentAtMs > 0 ? d.alarm.sentAtMs : d.alarm.raisedAtMs;
  return { fromMs, toMs, atMs: within(first - 10_000, fromMs, toMs), playing: false, speed: 8, stops };
}

function within(atMs: number, fromMs: number, toMs: number): number {
  return Math.min(toMs, Math.max(fromMs, atMs));
}

// apply is r after act. Playing ends at the end; from there it begins anew.
export function apply(r: Replay, act: Act): Replay {
  switch (act.do) {
    case 'tick': {
      if (!r.playing || !(act.elapsedMs > 0)) return r;
      const atMs = within(r.atMs + act.elapsedMs * r.speed, r.fromMs, r.toMs);
      return { ...r, atMs, playing: atMs < r.toMs };
    }
    case 'toggle':
      if (r.playing) return { ...r, playing: false };
      return { ...r, playing: r.toMs > r.fromMs, atMs: r.atMs >= r.toMs ? r.fromMs : r.atMs };
    case 'seek':
      return Number.isFinite(act.atMs) ? { ...r, atMs: within(act.atMs, r.fromMs, r.toMs) } : r;
    case 'next':
      return { ...r, atMs: r.stops.find((s) => s > r.atMs) ?? r.toMs };
    case 'previous':
      return { ...r, atMs: r.stops.findLast((s) => s < r.atMs) ?? r.fromMs };
    case 'faster':
      return { ...r, speed: speeds[speeds.indexOf(r.speed) + 1] ?? r.speed };
    case 'slower':
      return { ...r, speed: speeds[speeds.indexOf(r.speed) - 1] ?? r.speed };
    default:
      return act satisfies never;
  }
}

export interface Stood {
  readonly state: 'before' | 'pending' | 'active' | 'taken' | 'ended';
  readonly owner: string;
  readonly people: readonly { readonly person: Person; readonly last: Heard | null; readonly way: readonly Heard[] }[];
}

// stood is how things stood at atMs: whose the alarm was, and where everybody was last known to be.
export function stood(d: Dossier, atMs: number): Stood {
  let state: Stood['state'] = 'before';
  let owner = '';
  const ordered = d.log.filter((l) => l.atMs <= atMs);
  const steps = d.log.some((l) => l.what === 'activated');
  for (const l of ordered) {
    switch (l.what) {
      case 'raised':
        if (state === 'before') state = steps ? 'pending' : 'active';
        break;
      case 'activated':
      case 'lapsed':
      case 'pressed':
      case 'escalated':
        state = 'active';
        owner = '';
        break;
      case 'taken':
        state = 'taken';
        owner = l.name;
        break;
      case 'resolved':
      case 'cancelled':
      case 'seen':
        state = 'ended';
        break;
    }
  }
  const people = d.people.map((person) => {
    const so = person.reports.filter((r) => r.atMs <= atMs);
    const way = so.filter((r) => r.lat !== undefined && r.lon !== undefined);
    return { person, last: so.at(-1) ?? null, way };
  });
  return { state, owner, people };
}
