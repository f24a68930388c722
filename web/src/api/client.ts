// The HTTP API: one function for each route, each answer decoded once.

import type { Zone } from '../state/place.ts';
import { DecodeError, type Decoder, flag, integer, list, number, object, oneOf, oneOfOr, text } from './decode.ts';
import { type Alarm, alarm, type Snapshot, type Store, snapshot } from './feed.ts';

// A Fault is one thing wrong with what was sent: where ("body.steps[0].delayS"), and why, in the reader's language.
export interface Fault {
  readonly location?: string;
  readonly message?: string;
}

// A Problem is an answer that says no (RFC 9457). title and detail are in the reader's language.
export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly faults: readonly Fault[];

  constructor(status: number, type: string, title: string, detail: string, faults: readonly Fault[] = []) {
    super(`${status} ${type || title}`);
    this.name = 'Problem';
    this.status = status;
    this.type = type;
    this.title = title;
    this.detail = detail;
    this.faults = faults;
  }

  // The table cannot be reached: nothing is known about what was asked.
  get storeAway(): boolean {
    return this.status === 503 && /(^|[/:#])store-away$/.test(this.type);
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  // Somebody else was first, or it is no longer what it was.
  get conflict(): boolean {
    return this.status === 409 || this.status === 412;
  }
}

// Unreached is no answer at all, or one that is not the API's: no network, a timeout, a gateway's error page.
export class Unreached extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'Unreached';
  }
}

export type Role = 'admin' | 'supervisor' | 'viewer';

export interface Me {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
  readonly locale?: string;
  readonly org?: string;
  readonly orgName?: string;
  readonly email?: string;
}

export interface Status {
  readonly store: Store;
  readonly nowMs: number;
  readonly version?: string;
}

export interface Team {
  readonly team: string;
  readonly name: string;
}

export interface Position {
  readonly atMs: number;
  readonly lat: number;
  readonly lon: number;
  readonly accuracyM?: number;
  readonly speedMps?: number;
  readonly steps?: number;
  readonly batteryPercent?: number;
}

export interface LogLine {
  readonly atMs: number;
  readonly what: string;
  readonly who?: string;
  readonly detail?: string;
}

export interface Page {
  readonly step: number;
  readonly contact: string;
  readonly name?: string;
  readonly channel: string;
  readonly state: string;
  readonly queuedAtMs?: number;
  readonly doneAtMs?: number;
  readonly openedAtMs?: number;
  readonly answer?: string;
  readonly answeredAtMs?: number;
  readonly why?: string;
}

export interface AlarmFile {
  readonly alarm: Alarm;
  readonly pages: readonly Page[];
  readonly log: readonly LogLine[];
}

export interface Look {
  readonly atMs: number;
  readonly name: string;
}

// A Verdict says whether a worker is protected. A reason that is "unchecked" is what nobody here can know.
export interface Verdict {
  readonly atMs: number;
  readonly ready: boolean;
  readonly reasons: readonly { readonly weight: 'blocks' | 'warns' | 'unchecked'; readonly text: string }[];
  readonly drill?: { readonly atMs: number; readonly tookS: number; readonly byName: string }; // the team's last
}

const me: Decoder<Me> = object(
  { user: text, name: text, role: oneOfOr(['viewer', 'supervisor', 'admin'], 'viewer') },
  { locale: text, org: text, orgName: text, email: text },
);
const status: Decoder<Status> = object({ store: oneOf(['ok', 'away']), nowMs: integer }, { version: text });
const ticket = object({ ticket: text });
const team: Decoder<Team> = object({ team: text, name: text });
const corner: Decoder<readonly [number, number]> = (value, path) => {
  if (!Array.isArray(value) || value.length !== 2) throw new DecodeError(path, 'a pair of numbers', value);
  return [number(value[0], `${path}[0]`), number(value[1], `${path}[1]`)];
};
const zone: Decoder<Zone> = object({ zone: text, name: text, ring: list(corner) }, { team: text, danger: flag });
const position: Decoder<Position> = object(
  { atMs: integer, lat: number, lon: number },
  { accuracyM: number, speedMps: number, steps: integer, batteryPercent: integer },
);
const page: Decoder<Page> = object(
  { step: integer, contact: text, channel: text, state: text },
  { name: text, queuedAtMs: integer, doneAtMs: integer, why: text },
);
const logLine: Decoder<LogLine> = object({ atMs: integer, what: text }, { who: text, detail: text });
const alarmFile: Decoder<AlarmFile> = object({ alarm, pages: list(page), log: list(logLine) });
const look: Decoder<Look> = object({ atMs: integer, name: text });
const verdicts = object({
  atMs: integer,
  workers: list(
    object(
      {
        worker: text,
        ready: flag,
        reasons: list(object({ weight: oneOfOr(['blocks', 'warns', 'unchecked'], 'blocks'), text })),
      },
      { drill: object({ atMs: integer, tookS: integer, byName: text }) },
    ),
  ),
});
const nothing: Decoder<null> = () => null;

const problemBody = object(
  {},
  { type: text, title: text, detail: text, errors: list(object<object, Fault>({}, { location: text, message: text })) },
);

const patienceMs = 8_000;

interface Asked<T> {
  readonly value: T;
  readonly asked: number; // performance.now() before and after
  readonly answered: number;
}

// ask makes one request and decodes its answer. It throws a Problem, Unreached or a DecodeError.
export async function ask<T>(
  method: string,
  path: string,
  decode: Decoder<T>,
  body?: unknown,
  patience = patienceMs,
  more: Readonly<Record<string, string>> = {},
): Promise<Asked<T>> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'Accept-Language': document.documentElement.lang,
    ...more,
  };
  const init: RequestInit = {
    method,
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    signal: AbortSignal.timeout(patience),
  };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let got: Early;
  if (method !== 'GET') ahead().clear(); // who is signed in may be another afterwards
  try {
    got = await ((method === 'GET' && early(path)) || send(path, init));
  } catch (err) {
    throw new Unreached(`${method} ${path}: ${String(err)}`);
  }
  const { answer, said, asked, answered } = got;
  const isJSON = /^application\/(problem\+)?json\b/.test(answer.headers.get('Content-Type') ?? '');
  if (!answer.ok) {
    if (!isJSON) throw new Unreached(`${method} ${path}: ${answer.status}`);
    const p = problemBody(parse(said, path), '');
    throw new Problem(answer.status, p.type ?? '', p.title ?? '', p.detail ?? '', p.errors);
  }
  return { value: decode(said === '' ? null : parse(said, path), ''), asked, answered };
}

interface Early {
  readonly answer: Response;
  readonly said: string;
  readonly asked: number;
  readonly answered: number;
}

async function send(path: string, init: RequestInit): Promise<Early> {
  const asked = performance.now();
  const answer = await fetch(path, init);
  const said = await answer.text();
  return { answer, said, asked, answered: performance.now() };
}

// What early.js has asked for. Where it has not run by now it is too late: its answers would be those of whoever was signed in before.
function ahead(): Map<string, Promise<Early>> {
  const page = globalThis as { early?: Map<string, Promise<Early>> };
  page.early ??= new Map();
  return page.early;
}

// early is the answer that early.js has asked for while the rest of the page was on its way, once and while it is new.
function early(path: string): Promise<Early> | undefined {
  const found = performance.now() < patienceMs ? ahead().get(path) : undefined;
  ahead().delete(path);
  return found;
}

function parse(said: string, path: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    throw new DecodeError(path, 'JSON', said.slice(0, 40));
  }
}

const seg = encodeURIComponent;

export const api = {
  signIn: async (email: string, password: string): Promise<void> => {
    await ask('POST', '/api/session', nothing, { email, password });
  },
  signOut: async (): Promise<void> => {
    await ask('DELETE', '/api/session', nothing);
  },
  me: async (): Promise<Me> => (await ask('GET', '/api/me', me)).value,
  locale: async (locale: string): Promise<void> => {
    await ask('PUT', '/api/me', nothing, { locale });
  },
  status: (): Promise<Asked<Status>> => ask('GET', '/api/status', status, undefined, 2_500),
  board: (): Promise<Asked<Snapshot>> => ask('GET', '/api/board', snapshot),
  ticket: async (): Promise<string> => (await ask('POST', '/api/ticket', ticket)).value.ticket,
  teams: async (): Promise<readonly Team[]> =>
    (await ask('GET', '/api/teams', object({ teams: list(team) }))).value.teams,
  zones: async (): Promise<readonly Zone[]> =>
    (await ask('GET', '/api/zones', object({ zones: list(zone) }))).value.zones,
  positions: async (worker: string, fromMs: number, toMs: number): Promise<readonly Position[]> =>
    (
      await ask(
        'GET',
        `/api/workers/${seg(worker)}/positions?fromMs=${Math.round(fromMs)}&toMs=${Math.round(toMs)}`,
        object({ positions: list(position) }),
      )
    ).value.positions,
  looked: async (worker: string): Promise<readonly Look[]> =>
    (await ask('GET', `/api/workers/${seg(worker)}/looked`, object({ looked: list(look) }))).value.looked,
  // null where the server has no such route yet, or knows no such worker.
  readiness: async (worker: string): Promise<Verdict | null> => {
    try {
      const { value } = await ask('GET', `/api/readiness?worker=${seg(worker)}`, verdicts);
      const one = value.workers.find((w) => w.worker === worker);
      return one ? { ...one, atMs: value.atMs } : null;
    } catch (err) {
      if (err instanceof Problem && err.status === 404) return null;
      throw err;
    }
  },
  alarm: async (id: string): Promise<AlarmFile> => (await ask('GET', `/api/alarms/${seg(id)}`, alarmFile)).value,
  take: async (id: string): Promise<Alarm> => (await ask('POST', `/api/alarms/${seg(id)}/take`, alarm)).value,
  resolve: async (id: string, reason: string, note: string): Promise<Alarm> =>
    (await ask('POST', `/api/alarms/${seg(id)}/resolve`, alarm, { reason, note })).value,
  seen: async (id: string): Promise<Alarm> => (await ask('POST', `/api/alarms/${seg(id)}/seen`, alarm)).value,
  note: async (id: string, note: string): Promise<void> => {
    await ask('POST', `/api/alarms/${seg(id)}/note`, nothing, { note });
  },
};

export type Api = typeof api;
export type { Asked };
