// Evacuations and roll-calls: what the API says of them, and who comes first. Plain data; evacuate.tsx draws it.
import { ask } from '../api/client.ts';
import { type Decoder, flag, integer, list, object, oneOfOr, text } from '../api/decode.ts';
import type { Alarm } from '../api/feed.ts';

export type Mode = 'evacuate' | 'roll-call';

export interface Muster {
  readonly muster: string;
  readonly mode: Mode;
  readonly team?: string;
  readonly zone?: string;
  readonly name?: string;
  readonly note?: string;
  readonly answerWithinS: number;
  readonly drill?: boolean;
  readonly state: 'calling' | 'waiting' | 'counted' | 'ending' | 'ended';
  readonly byName: string;
  readonly askedAtMs: number;
  readonly called: number;
  readonly deadlineMs?: number;
  readonly endedAtMs?: number;
  readonly endedBy?: string;
  readonly version: number;
}

// A State is what is known of one person: answered or marked safe, not yet, or not in time.
export interface State {
  readonly state: 'waiting' | 'safe' | 'missing';
  readonly why?: string; // no insole can ask them
  readonly feltAtMs?: number;
  readonly safeAtMs?: number;
  readonly byName?: string; // who marked them safe; absent when they answered
  readonly alarm?: string;
  readonly version: number;
}

export interface Person extends State {
  readonly worker: string;
  readonly name: string;
  readonly team: string;
  readonly phone?: string;
  readonly where?: string;
}

export interface File {
  readonly muster: Muster;
  readonly nowMs: number;
  readonly people: readonly Person[];
}

const muster: Decoder<Muster> = object(
  {
    muster: text,
    mode: oneOfOr(['evacuate', 'roll-call'], 'evacuate'),
    answerWithinS: integer,
    state: oneOfOr(['calling', 'waiting', 'counted', 'ending', 'ended'], 'waiting'),
    byName: text,
    askedAtMs: integer,
    called: integer,
    version: integer,
  },
  {
    team: text,
    zone: text,
    name: text,
    note: text,
    drill: flag,
    deadlineMs: integer,
    endedAtMs: integer,
    endedBy: text,
  },
);
// A state that this build does not know counts as no answer: nobody is taken for safe by mistake.
const stateOf = oneOfOr(['waiting', 'safe', 'missing'], 'waiting');
const told = { why: text, feltAtMs: integer, safeAtMs: integer, byName: text, alarm: text };
const person: Decoder<Person> = object(
  { worker: text, name: text, team: text, state: stateOf, version: integer },
  { ...told, phone: text, where: text },
);
const file: Decoder<File> = object({ muster, nowMs: integer, people: list(person) });
const reach = object({ people: integer, unreachable: integer, unknownWhere: integer });

export interface Call {
  readonly muster: string; // made up here: told twice, it is the same
  readonly mode: Mode;
  readonly team?: string;
  readonly zone?: string;
  readonly ring?: readonly (readonly [number, number])[];
  readonly note?: string;
  readonly answerWithinS: number;
  readonly drill?: boolean;
}

export interface Reach {
  readonly people: number;
  readonly unreachable: number;
  readonly unknownWhere: number;
}

const seg = encodeURIComponent;

export const musters = {
  all: async (): Promise<readonly Muster[]> =>
    (await ask('GET', '/api/musters', object({ musters: list(muster) }))).value.musters,
  one: async (id: string): Promise<File> => (await ask('GET', `/api/musters/${seg(id)}`, file)).value,
  reach: async (call: Call): Promise<Reach> => (await ask('POST', '/api/musters/reach', reach, call)).value,
  begin: async (call: Call): Promise<Muster> => (await ask('POST', '/api/musters', muster, call)).value,
  safe: async (id: string, worker: string): Promise<Person> =>
    (await ask('POST', `/api/musters/${seg(id)}/safe`, person, { worker })).value,
  end: async (id: string): Promise<Muster> => (await ask('POST', `/api/musters/${seg(id)}/end`, muster)).value,
};

// A Change is what the live feed says of a muster: that it has come further, or what became of one person.
export type Change =
  | { readonly is: 'muster'; readonly id: string; readonly version: number }
  | { readonly is: 'person'; readonly id: string; readonly worker: string; readonly to: State };

const changed = object(
  { kind: text },
  {
    muster: object({ id: text, version: integer }),
    summons: object({ muster: text, worker: text, state: stateOf, version: integer }, told),
  },
);

// changeOf reads a change of the feed; null for what is not about musters, or cannot be read.
export function changeOf(raw: unknown): Change | null {
  try {
    const c = changed(raw, '');
    if (c.kind === 'muster' && c.muster) return { is: 'muster', ...c.muster };
    if (c.kind === 'summons' && c.summons) {
      const { muster: id, worker, ...to } = c.summons;
      return { is: 'person', id, worker, to };
    }
  } catch {
    // Read with the whole, when that is fetched next.
  }
  return null;
}

// heard is people after one of them changed; the same list for older news.
export function heard(people: readonly Person[], worker: string, to: State): readonly Person[] {
  const at = people.findIndex((p) => p.worker === worker);
  const was = people[at];
  if (!was || to.version <= was.version) return people;
  const { worker: _, name, team, phone, where } = was;
  const next: Person = {
    worker,
    name,
    team,
    ...(phone === undefined ? {} : { phone }),
    ...(where === undefined ? {} : { where }),
    ...to,
  };
  return people.with(at, next);
}

// merged is what was just fetched, with what the feed has said since.
export function merged(fetched: readonly Person[], had: readonly Person[]): readonly Person[] {
  const newer = new Map(had.map((p) => [p.worker, p]));
  return fetched.map((p) => {
    const other = newer.get(p.worker);
    return other && other.version > p.version ? other : p;
  });
}

export type Standing = 'help' | 'missing' | 'waiting' | 'unreachable' | 'safe';

const help = new Set(['sos', 'covert-sos', 'fall', 'no-motion']);

// standing is where a person counts: a call for help before everything else.
export function standing(p: Person, alarms: readonly Alarm[] | undefined): Standing {
  if (alarms?.some((a) => help.has(a.kind))) return 'help';
  if (p.state === 'safe') return 'safe';
  if (p.why) return 'unreachable';
  return p.state;
}

export interface Tally {
  readonly safe: number;
  readonly noAnswer: number;
  readonly unreachable: number;
  readonly help: number;
}

export function tally(all: readonly Standing[]): Tally {
  const of = (...wanted: readonly Standing[]) => all.filter((s) => wanted.includes(s)).length;
  return {
    safe: of('safe'),
    noAnswer: of('missing', 'waiting'),
    unreachable: of('unreachable'),
    help: of('help'),
  };
}

const order: Record<Standing, number> = { help: 0, missing: 1, waiting: 2, unreachable: 3, safe: 4 };

// inOrder lists people who must be looked for first.
export function inOrder(
  people: readonly Person[],
  by: ReadonlyMap<string, readonly Alarm[]>,
  collator: Intl.Collator,
): readonly { readonly person: Person; readonly standing: Standing }[] {
  return people
    .map((person) => ({ person, standing: standing(person, by.get(person.worker)) }))
    .sort((a, b) => order[a.standing] - order[b.standing] || collator.compare(a.person.name, b.person.name));
}

// newName is a name that nobody has.
export function newName(): string {
  return [...crypto.getRandomValues(new Uint8Array(20))].map((b) => (b % 32).toString(32)).join('');
}
