// The shapes of internal/feed, decoded. internal/feed/testdata is read by the tests of both sides.
import { DecodeError, type Decoder, flag, integer, list, number, object, oneOf, oneOfOr, text } from './decode.ts';

export interface Live {
  readonly insole: string;
  readonly worker: string;
  readonly heardAtMs: number; // newest report, when it reached the bridge
  readonly atMs: number; // newest report, when it happened
  readonly lat?: number; // degrees, WGS 84
  readonly lon?: number;
  readonly accuracyM?: number;
  readonly speedMps?: number;
  readonly courseDeg?: number;
  readonly source?: string;
  readonly fixAtMs?: number; // when the position was true
  readonly batteryPercent?: number;
  readonly charging?: boolean;
  readonly steps?: number;
  readonly posture?: string;
  readonly expectS?: number; // the next report is expected this many seconds after heardAtMs
  readonly lost?: boolean;
  readonly clockOffMs?: number;
  readonly version: number; // a lower or equal version is older news
}

// What is asked of a worker, as far as their line says it; more/checkins.tsx knows the rest.
export interface Asked {
  readonly worker: string;
  readonly dueAtMs?: number; // of the next check-in
  readonly version: number; // a lower or equal version is older news
}

export interface Worker {
  readonly worker: string;
  readonly name: string;
  readonly team: string;
  readonly insole?: string;
  readonly phone?: string;
  readonly onShift: boolean;
  readonly live?: Live; // absent when never heard
  readonly checkIn?: Asked; // absent when nothing was ever asked
}

export const alarmStates = ['pending', 'active', 'taken', 'resolved', 'cancelled'] as const;
export type AlarmState = (typeof alarmStates)[number];

export interface Alarm {
  readonly id: string;
  readonly reference: string;
  readonly worker: string;
  readonly workerName: string;
  readonly team: string;
  readonly insole: string;
  readonly kind: string; // a kind that this build does not know is shown by its name
  readonly priority: number; // 1 (a life may depend on it), 2 or 3
  readonly state: AlarmState;
  readonly sentAtMs: number;
  readonly raisedAtMs: number;
  readonly deadlineMs?: number;
  readonly lat?: number;
  readonly lon?: number;
  readonly accuracyM?: number;
  readonly fixAtMs?: number;
  readonly presses: number;
  readonly step: number;
  readonly nextStepAtMs?: number;
  readonly owner?: string;
  readonly ownerName?: string;
  readonly takenAtMs?: number;
  readonly returnedAtMs?: number;
  readonly endedAtMs?: number;
  readonly endedBy?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly drill?: boolean;
  readonly incident?: string; // the first alarm of those that belong together; absent of that one
  readonly shelf?: { readonly untilMs: number; readonly by: string; readonly why: string }; // set aside by a person
  readonly guess?: string;
  readonly version: number;
}

export interface Snapshot {
  readonly seq: number;
  readonly nowMs: number;
  readonly workers: readonly Worker[];
  readonly alarms: readonly Alarm[];
}

export type Change =
  | { readonly kind: 'live'; readonly live: Live }
  | { readonly kind: 'alarm'; readonly alarm: Alarm }
  | { readonly kind: 'checkin'; readonly checkIn: Asked };

export type Store = 'ok' | 'away';

export type Message =
  | { readonly type: 'changes'; readonly seq: number; readonly nowMs: number; readonly changes: readonly Change[] }
  | { readonly type: 'sync' | 'pong'; readonly seq: number; readonly nowMs: number; readonly store: Store }
  | { readonly type: 'reconnect'; readonly nowMs: number }
  | { readonly type: 'error'; readonly nowMs: number; readonly detail: string };

export const live: Decoder<Live> = object(
  { insole: text, worker: text, heardAtMs: integer, atMs: integer, version: integer },
  {
    lat: number,
    lon: number,
    accuracyM: number,
    speedMps: number,
    courseDeg: number,
    source: text,
    fixAtMs: integer,
    batteryPercent: integer,
    charging: flag,
    steps: integer,
    posture: text,
    expectS: integer,
    lost: flag,
    clockOffMs: integer,
  },
);

const checkIn: Decoder<Asked> = object({ worker: text, version: integer }, { dueAtMs: integer });

export const worker: Decoder<Worker> = object(
  { worker: text, name: text, team: text, onShift: flag },
  { insole: text, phone: text, live, checkIn },
);

// A state that this build does not know is shown as active: help is never filtered.
export const alarm: Decoder<Alarm> = object(
  {
    id: text,
    reference: text,
    worker: text,
    workerName: text,
    team: text,
    insole: text,
    kind: text,
    priority: integer,
    state: oneOfOr(alarmStates, 'active'),
    sentAtMs: integer,
    raisedAtMs: integer,
    presses: integer,
    step: integer,
    version: integer,
  },
  {
    deadlineMs: integer,
    lat: number,
    lon: number,
    accuracyM: number,
    fixAtMs: integer,
    nextStepAtMs: integer,
    owner: text,
    ownerName: text,
    takenAtMs: integer,
    returnedAtMs: integer,
    endedAtMs: integer,
    endedBy: text,
    reason: text,
    note: text,
    drill: flag,
    incident: text,
    shelf: object({ untilMs: integer, by: text, why: text }),
    guess: text,
  },
);

export const snapshot: Decoder<Snapshot> = object({
  seq: integer,
  nowMs: integer,
  workers: list(worker),
  alarms: list(alarm),
});

const changeHead = object({ kind: text });
const changeLive = object({ live });
const changeAlarm = object({ alarm });
const changeCheckIn = object({ checkIn });

// Whoever wants to hear the changes that are of one page only (a muster's) is here, and reads them.
export const others = new Set<(change: unknown) => void>();

// tell keeps what a page cannot read from the alarms of the same message.
function tell(value: unknown): void {
  for (const hear of others) {
    try {
      hear(value);
    } catch (err) {
      console.error('a change that a page cannot read', err);
    }
  }
}

// change reads one change, or null for a kind that the board does not know.
const change: Decoder<Change | null> = (value, path) => {
  switch (changeHead(value, path).kind) {
    case 'live':
      return { kind: 'live', live: changeLive(value, path).live };
    case 'alarm':
      return { kind: 'alarm', alarm: changeAlarm(value, path).alarm };
    case 'checkin':
      tell(value);
      return { kind: 'checkin', checkIn: changeCheckIn(value, path).checkIn };
    default:
      tell(value);
      return null;
  }
};

const messageHead = object({ type: text, nowMs: integer });
const changesBody = object({ seq: integer, changes: list(change) });
const storeBody = object({ seq: integer, store: oneOf(['ok', 'away']) });
const errorBody = object({}, { detail: text });

// message reads one message of the WebSocket.
export const message: Decoder<Message> = (value, path) => {
  const { type, nowMs } = messageHead(value, path);
  switch (type) {
    case 'changes': {
      const { seq, changes } = changesBody(value, path);
      return { type, seq, nowMs, changes: changes.filter((c) => c !== null) };
    }
    case 'sync':
    case 'pong':
      return { type, nowMs, ...storeBody(value, path) };
    case 'reconnect':
      return { type, nowMs };
    case 'error':
      return { type, nowMs, detail: errorBody(value, path).detail ?? '' };
    default:
      throw new DecodeError(path ? `${path}.type` : 'type', 'changes, sync, pong, reconnect or error', type);
  }
};
