// What people set up, as the API has it. What is absent there is '' or 0 here; what this page does not know is kept and
// sent back as it came.
import { type Decoder, flag, integer, list, number, object, oneOfOr, text } from '../../api/decode.ts';
import { type Noun, whole } from '../form.tsx';

export interface Step {
  readonly delayS: number;
  readonly contacts: readonly string[];
  readonly channels: readonly string[];
}

// A Setting is what a team says about one kind of alarm. What is absent is the default.
export interface Setting {
  readonly off?: boolean;
  readonly priority?: number;
  readonly preAlarmS?: number;
  readonly dwellS?: number;
  readonly factor?: number;
  readonly minimumS?: number;
  readonly percent?: number;
  readonly on?: boolean; // of a kind that is off by default
}

export interface Team {
  readonly team: string;
  readonly name: string;
  readonly steps: readonly Step[];
  readonly lapseS: number;
  readonly repeatS: number;
  readonly fallback: string;
  readonly hours: readonly Shift[]; // when steps is in force, where there is outOfHours
  readonly outOfHours: readonly Step[];
  readonly settings: Readonly<Record<string, Setting>>; // by kind of alarm
  readonly confirmed: Readonly<Record<string, boolean>>; // of one team only
  readonly version: number;
}

export interface Shift {
  readonly days: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly zone: string;
}

export interface Worker {
  readonly worker: string;
  readonly team: string;
  readonly name: string;
  readonly phone: string;
  readonly insole: string;
  readonly shifts: readonly Shift[];
  readonly shiftBy: string; // 'hand' or 'walking', of a worker without shifts
  readonly version: number;
}

export interface Contact {
  readonly contact: string;
  readonly name: string;
  readonly phone: string;
  readonly email: string;
  readonly locale: string;
  readonly version: number;
}

export interface Insole {
  readonly insole: string;
  readonly dialect: string;
  readonly team: string;
  readonly worker: string;
  readonly revoked: boolean;
  readonly madeMs: number;
  readonly keyMs: number;
  readonly version: number;
}

export type Ring = readonly (readonly [lon: number, lat: number])[];

export interface Zone {
  readonly zone: string;
  readonly team: string;
  readonly name: string;
  readonly danger: boolean;
  readonly ring: Ring;
  readonly typed: string; // the corners as lines, while somebody types them; '' otherwise
  readonly version: number;
}

export interface User {
  readonly user: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly locale: string;
  readonly password: string; // never read; sent when there is to be another one
  readonly version: number;
}

const roles = ['viewer', 'supervisor', 'admin'] as const;

// without leaves out what the API makes itself, and what is empty where it wants a word or nothing.
function without(thing: object, ...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(thing).filter(([k, v]) => !names.includes(k) && v !== ''));
}

const step = whole<Step>(
  { delayS: 0, contacts: [], channels: [] },
  object<object, Step>({}, { delayS: integer, contacts: list(text), channels: list(text) }),
);

const confirmations = (value: unknown): Readonly<Record<string, boolean>> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter((e): e is [string, boolean] => typeof e[1] === 'boolean'))
    : {};

export const setting: Decoder<Setting> = (value, path) =>
  whole<Setting>(
    {},
    object<object, Setting>(
      {},
      {
        off: flag,
        priority: integer,
        preAlarmS: integer,
        dwellS: integer,
        factor: number,
        minimumS: integer,
        percent: integer,
        on: flag,
      },
    ),
  )(value, path);

const byKind: Decoder<Readonly<Record<string, Setting>>> = (value, path) => {
  const all = object({})(value, path) && (value as object);
  return Object.fromEntries(Object.entries(all).map(([kind, v]) => [kind, setting(v, `${path}.${kind}`)]));
};

const shift = object<Shift>({ days: list(text), from: text, to: text, zone: text });

const blankTeam: Team = {
  team: '',
  name: '',
  steps: [{ delayS: 0, contacts: [], channels: ['sms'] }],
  lapseS: 0,
  repeatS: 300,
  fallback: '',
  hours: [],
  outOfHours: [],
  settings: {},
  confirmed: {},
  version: 0,
};

export const teams: Noun<Team> = {
  page: 'teams',
  path: '/api/teams',
  key: 'teams',
  decode: whole<Team>(
    blankTeam,
    object(
      { team: text, name: text, steps: list(step), version: integer },
      {
        lapseS: integer,
        repeatS: integer,
        fallback: text,
        hours: list(shift),
        outOfHours: list(step),
        settings: byKind,
        confirmed: confirmations,
      },
    ),
  ),
  id: (v) => v.team,
  title: (v) => v.name,
  blank: () => blankTeam,
  body: (v) => without(v, 'confirmed', 'version'),
};

const blankWorker: Worker = {
  worker: '',
  team: '',
  name: '',
  phone: '',
  insole: '',
  shifts: [],
  shiftBy: '',
  version: 0,
};

export const workers: Noun<Worker> = {
  page: 'workers',
  path: '/api/workers',
  key: 'workers',
  decode: whole<Worker>(
    blankWorker,
    object(
      { worker: text, team: text, name: text, version: integer },
      { phone: text, insole: text, shifts: list(shift), shiftBy: text },
    ),
  ),
  id: (v) => v.worker,
  title: (v) => v.name,
  blank: () => blankWorker,
  body: (v) => ({ ...without(v, 'version'), team: v.team }),
};

const blankContact: Contact = { contact: '', name: '', phone: '', email: '', locale: '', version: 0 };

export const contacts: Noun<Contact> = {
  page: 'contacts',
  path: '/api/contacts',
  key: 'contacts',
  decode: whole<Contact>(
    blankContact,
    object({ contact: text, name: text, version: integer }, { phone: text, email: text, locale: text }),
  ),
  id: (v) => v.contact,
  title: (v) => v.name,
  blank: () => blankContact,
  body: (v) => ({ ...without(v, 'version'), name: v.name }),
};

const blankInsole: Insole = {
  insole: '',
  dialect: 'sole',
  team: '',
  worker: '',
  revoked: false,
  madeMs: 0,
  keyMs: 0,
  version: 0,
};

const insole = whole<Insole>(
  blankInsole,
  object(
    { insole: text, dialect: text, version: integer },
    { team: text, worker: text, revoked: flag, madeMs: integer, keyMs: integer },
  ),
);

export interface Keyed extends Insole {
  readonly key: string;
}

// keyed reads an insole with the key that is shown this once.
export const keyed = (value: unknown, path: string): Keyed => {
  const v = object({ insole }, { key: text })(value, path);
  return { ...v.insole, key: v.key ?? '' };
};

export const insoles: Noun<Insole> = {
  page: 'insoles',
  path: '/api/insoles',
  key: 'insoles',
  decode: insole,
  made: keyed,
  id: (v) => v.insole,
  title: (v) => v.insole,
  blank: () => blankInsole,
  // Of an insole that is there only who wears it changes.
  body: (v) =>
    v.version === 0
      ? without(v, 'version', 'revoked', 'madeMs', 'keyMs')
      : { worker: v.worker, ...(v.team === '' ? {} : { team: v.team }) },
};

const blankZone: Zone = { zone: '', team: '', name: '', danger: false, ring: [], typed: '', version: 0 };

const corner = (value: unknown, path: string): readonly [number, number] => {
  const [lon, lat] = list(number)(value, path);
  return [number(lon, `${path}[0]`), number(lat, `${path}[1]`)];
};

export const zones: Noun<Zone> = {
  page: 'zones',
  path: '/api/zones',
  key: 'zones',
  decode: whole<Zone>(
    blankZone,
    object({ zone: text, name: text, ring: list(corner), version: integer }, { team: text, danger: flag }),
  ),
  id: (v) => v.zone,
  title: (v) => v.name,
  blank: () => blankZone,
  body: (v) => ({ ...without(v, 'version', 'typed'), name: v.name }),
};

const blankUser: User = { user: '', email: '', name: '', role: 'viewer', locale: '', password: '', version: 0 };

const user = whole<User>(
  blankUser,
  object({ user: text, email: text, name: text, role: oneOfOr(roles, 'viewer'), version: integer }, { locale: text }),
);

export const users: Noun<User> = {
  page: 'users',
  path: '/api/users',
  key: 'users',
  decode: user,
  made: (value, path) => {
    const v = object({ user }, { password: text })(value, path);
    return { ...v.user, password: v.password ?? '' };
  },
  id: (v) => v.user,
  title: (v) => v.name,
  blank: () => blankUser,
  body: (v) => ({ ...without(v, 'version'), name: v.name, email: v.email }),
};
