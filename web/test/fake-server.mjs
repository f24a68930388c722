// A small stand-in for the whole system behind the page, in memory: the HTTP API, the WebSocket and the static files of
// dist (DIST names another folder), as docs say they behave, with handles to break things. For development (`npm run fake`) and the browser tests.
//
//   POST /_control {"do":"sos","worker":"paul"}      raise an alarm; also "fall", "low-battery", "lost-contact"
//   {"do":"press","alarm":"…"}                       help asked for again
//   {"do":"store","away":true}                       the table cannot be reached
//   {"do":"cut"}                                     every socket closed
//   {"do":"sockets","refused":true}                  no new socket is accepted
//   {"do":"mute","on":true}                          sockets stay open and nothing is said
//   {"do":"skip"}                                    one sequence number is lost
//   {"do":"lose","on":true}                          changes are counted and not sent
//   {"do":"forget"}                                  the server no longer knows the sockets: pings get "reconnect"
//   {"do":"garble"}                                  a message that cannot be read
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import { Admin } from './fake-admin.mjs';
import { Musters } from './fake-muster.mjs';
import { partsOf } from './fake-parts.mjs';

// What Go's tests of internal/audit write.
const golden = fileURLToPath(new URL('../../internal/audit/testdata/dossier.json', import.meta.url));

const dist = process.env.DIST ?? join(fileURLToPath(import.meta.url), '..', '..', 'dist');
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain',
};
// As template.yaml sets it on the real thing.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const users = {
  'claire@demo.test': {
    password: 'demo',
    me: { user: 'claire', name: 'Claire M.', role: 'supervisor', locale: 'en', org: 'demo', orgName: 'Demo' },
  },
  'hugo@demo.test': {
    password: 'demo',
    me: { user: 'hugo', name: 'Hugo P.', role: 'admin', locale: 'en', org: 'demo', orgName: 'Demo' },
  },
  'vera@demo.test': {
    password: 'demo',
    me: { user: 'vera', name: 'Vera L.', role: 'viewer', locale: 'en', org: 'demo', orgName: 'Demo' },
  },
};

const first = [
  'Marie',
  'Paul',
  'Zoé',
  'Karim',
  'Inès',
  'Luc',
  'Aïcha',
  'Tom',
  'Nadia',
  'Joël',
  'Sofia',
  'Bruno',
  'Elsa',
  'Yann',
  'Rose',
  'Omar',
];
const last = [
  'Durand',
  'Nguyen',
  'Étoile',
  'Benali',
  'Costa',
  'Martin',
  'Diallo',
  'Roux',
  'Petit',
  'Garcia',
  'Moreau',
  'Lopez',
];

const zones = [
  { zone: 'garbejaire', name: 'Garbejaïre', danger: false, ring: square(7.0497, 43.6172, 0.004) },
  { zone: 'quarry', name: 'Carrière de Valbonne', danger: true, ring: square(7.032, 43.629, 0.003) },
  { zone: 'templiers', name: 'Les Templiers', danger: false, ring: square(7.064, 43.6115, 0.0035) },
];

function square(lon, lat, r) {
  return [
    [lon - r, lat - r * 0.7],
    [lon + r, lat - r * 0.7],
    [lon + r, lat + r * 0.7],
    [lon - r, lat + r * 0.7],
    [lon - r, lat - r * 0.7],
  ];
}

// A seeded chance, so that two runs show the same.
function chance(seed) {
  let s = seed;
  return () => {
    s = (s * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return s / 4_294_967_296;
  };
}

export class System {
  constructor({ workers = 24, skewMs = 0, now = Date.now } = {}) {
    this.now = () => now() + skewMs;
    this.seq = 40;
    this.away = false;
    this.refused = false;
    this.muted = false;
    this.losing = false;
    this.forgotten = new WeakSet();
    this.sessions = new Map();
    this.tickets = new Set();
    this.sockets = new Set();
    this.consoles = new Map(); // what a socket said of duty
    this.alarms = new Map();
    this.workers = new Map();
    this.cares = new Map();
    this.looks = [];
    this.history = new Map();
    this.logs = new Map();
    this.raised = 0;
    this.latencyMs = 0;
    const random = chance(7);
    const at = this.now();
    for (let i = 0; i < workers; i += 1) {
      const id =
        i < first.length
          ? first[i]
              .normalize('NFD')
              .replace(/[^a-zA-Z]/g, '')
              .toLowerCase()
          : `w${i}`;
      const name = `${first[i % first.length]} ${last[(i * 7) % last.length]}${i >= first.length ? ` ${i}` : ''}`;
      const worker = {
        worker: id,
        name,
        team: i % 3 === 0 ? 'south' : 'north',
        insole: (0xa1b2c3d4e5f000n + BigInt(i)).toString(16).padStart(16, '0'),
        onShift: i % 11 !== 10,
      };
      if (i % 4 !== 3) worker.phone = `+3360000${String(i).padStart(4, '0')}`;
      if (i % 13 !== 12) {
        const age = i === 4 ? 9 * 60_000 : i === 6 ? 40 * 60_000 : Math.floor(random() * 9_000);
        worker.live = {
          insole: worker.insole,
          worker: id,
          heardAtMs: at - age,
          atMs: at - age,
          batteryPercent: Math.round(12 + random() * 88),
          steps: Math.floor(random() * 9000),
          posture: ['walking', 'standing', 'walking', 'sitting'][i % 4],
          expectS: i === 4 ? 3600 : 10,
          version: 1,
        };
        if (i % 8 !== 7) {
          Object.assign(worker.live, {
            lat: 43.6164 + (random() - 0.5) * 0.03,
            lon: 7.0552 + (random() - 0.5) * 0.04,
            accuracyM: Math.round(4 + random() * 30),
            speedMps: 1.2,
            courseDeg: Math.floor(random() * 360),
            source: 'gps',
            fixAtMs: at - age,
          });
        }
        if (i === 6) worker.live.lost = true;
        if (i === 5) worker.live.charging = true;
      }
      this.workers.set(id, worker);
      this.history.set(id, this.walked(worker, random));
    }
    this.random = random;
    this.musters = new Musters({ system: this });
    this.admin = new Admin({ workers: this.workers, zones, users, now: this.now });
    this.parts = partsOf(this.now());
    this.admin.past = () => [...this.alarms.values()].filter((a) => a.endedAtMs !== undefined).reverse();
  }

  walked(worker, random) {
    const { live } = worker;
    if (live?.lat === undefined) return [];
    const positions = [];
    let { lat, lon } = live;
    for (let i = 0; i < 180; i += 1) {
      positions.unshift({
        atMs: live.atMs - i * 20_000,
        lat,
        lon,
        accuracyM: 6,
        speedMps: Math.max(0, 1.1 + Math.sin(i / 9) + random() * 0.3),
      });
      lat += Math.sin(i / 25) * 0.00012 + (random() - 0.5) * 0.00006;
      lon += Math.cos(i / 25) * 0.00016 + (random() - 0.5) * 0.00006;
    }
    return positions;
  }

  board() {
    return {
      seq: this.seq,
      nowMs: this.now(),
      workers: [...this.workers.values()],
      alarms: [...this.alarms.values()].filter((a) => a.state !== 'resolved' && a.state !== 'cancelled'),
    };
  }

  tell(changes) {
    this.seq += 1;
    if (this.losing) return;
    this.say({ type: 'changes', seq: this.seq, nowMs: this.now(), changes });
  }

  say(message) {
    if (this.muted) return;
    for (const s of this.sockets) if (!this.forgotten.has(s)) s.send(JSON.stringify(message));
  }

  // Everybody who is heard takes a step.
  walk(share = 1) {
    const changes = [];
    const at = this.now();
    for (const w of this.workers.values()) {
      if (!w.live || w.live.lost || w.live.expectS > 60 || !w.onShift || this.random() > share) continue;
      w.live = { ...w.live, version: w.live.version + 1, heardAtMs: at, atMs: at - 300, steps: w.live.steps + 12 };
      if (w.live.lat !== undefined) {
        w.live.courseDeg = (w.live.courseDeg + (this.random() - 0.5) * 40 + 360) % 360;
        w.live.lat += Math.cos((w.live.courseDeg * Math.PI) / 180) * 0.0001;
        w.live.lon += Math.sin((w.live.courseDeg * Math.PI) / 180) * 0.00014;
        w.live.fixAtMs = at - 300;
        this.history
          .get(w.worker)
          .push({ atMs: at - 300, lat: w.live.lat, lon: w.live.lon, accuracyM: w.live.accuracyM, speedMps: 1.2 });
      }
      changes.push({ kind: 'live', live: w.live });
    }
    if (changes.length > 0) this.tell(changes);
  }

  raise(workerId, kind = 'sos', more = {}) {
    const w = this.workers.get(workerId);
    const at = this.now();
    this.raised += 1;
    const id = `q2f7mz${String(this.raised).padStart(10, 'a')}`;
    const alarm = {
      id,
      reference: `Q2F7M${this.raised % 10}`,
      worker: w.worker,
      workerName: w.name,
      team: w.team,
      insole: w.insole,
      kind,
      priority: kind === 'low-battery' ? 3 : ['lost-contact', 'taken-off', 'zone-left'].includes(kind) ? 2 : 1,
      state: 'active',
      sentAtMs: at - 600,
      raisedAtMs: at,
      presses: 1,
      step: 1,
      nextStepAtMs: at + 120_000,
      version: 1,
      ...more,
    };
    if (w.live?.lat !== undefined)
      Object.assign(alarm, { lat: w.live.lat, lon: w.live.lon, accuracyM: w.live.accuracyM, fixAtMs: w.live.fixAtMs });
    this.logs.set(id, [{ atMs: at, what: 'raised' }]);
    this.put(alarm);
    return alarm;
  }

  // Why worker was alarmed around a time: the open alarm, one that was refused, and what nobody knows.
  why(worker, url) {
    const atMs = Number(url.searchParams.get('atMs'));
    const near = (ms) => Math.abs(ms - atMs) <= 1_800_000;
    return {
      atMs,
      fromMs: atMs - 1_800_000,
      toMs: atMs + 1_800_000,
      alarms: [...this.alarms.values()]
        .filter((a) => a.worker === worker && near(a.raisedAtMs))
        .map((alarm) =>
          alarm.kind === 'lost-contact' ? { alarm, same: false } : { alarm, line: 1, rules: 3, same: true },
        ),
      refusals: near(this.now())
        ? [
            {
              atMs: atMs - 60_000,
              kind: 'no-motion',
              why: 'charging',
              text: 'The insole was on the charger.',
              report: '1-7',
              same: true,
            },
          ]
        : [],
      reports: near(this.now()) ? 212 : 0,
      reasons: near(this.now()) ? [] : [{ code: 'silent', text: 'The insole was not heard in this hour.' }],
      unknown: [
        { code: 'settings', text: 'Settings as they were then are kept only with decisions that were stored.' },
      ],
    };
  }

  put(alarm) {
    this.alarms.set(alarm.id, alarm);
    this.tell([{ kind: 'alarm', alarm }]);
    return alarm;
  }

  press(id) {
    const a = this.alarms.get(id);
    return this.put({
      ...a,
      presses: a.presses + 1,
      step: a.step + 1,
      nextStepAtMs: this.now() + 120_000,
      version: a.version + 1,
    });
  }

  take(id, me) {
    const { nextStepAtMs: _, ...a } = this.alarms.get(id);
    this.logs.get(id).push({ atMs: this.now(), what: 'taken', who: me.name });
    return this.put({
      ...a,
      state: 'taken',
      owner: me.user,
      ownerName: me.name,
      takenAtMs: this.now(),
      version: a.version + 1,
    });
  }

  // What the other buttons do, as far as a screen can tell.
  act(id, what, me, body) {
    const { shelf: _, owner, ownerName, takenAtMs, ...a } = this.alarms.get(id);
    const version = a.version + 1;
    switch (what) {
      case 'seen':
        return this.resolve(id, me, 'returned', '');
      case 'escalate':
        return this.put({ ...a, state: 'active', step: a.step + 1, version });
      case 'shelve':
        return this.put({
          ...a,
          shelf: { untilMs: this.now() + body.minutes * 60_000, by: me.name, why: body.why },
          version,
        });
      case 'unshelve':
        return this.put({ ...a, version });
      default:
        this.logs.get(id).push({ atMs: this.now(), what: `sent-${body.signal}`, who: me.name });
        return this.put({ ...this.alarms.get(id), version });
    }
  }

  resolve(id, me, reason, note) {
    const a = this.alarms.get(id);
    this.logs.get(id).push({ atMs: this.now(), what: 'resolved', who: me.name });
    return this.put({
      ...a,
      state: 'resolved',
      endedAtMs: this.now(),
      endedBy: me.user,
      reason,
      note,
      version: a.version + 1,
    });
  }

  // Who is on duty, by what their screens said; team North wants to be watched.
  duty() {
    const on = [...this.consoles.values()].filter((c) => c.on);
    const nowMs = this.now();
    return {
      nowMs,
      consoles: on.map((c) => ({
        user: 'claire',
        name: 'Claire M.',
        teams: c.teams,
        sound: c.sound,
        sinceMs: c.sinceMs,
        heardMs: nowMs,
      })),
      teams: [...this.admin.things.teams.values()].map(({ team, name }) => {
        const consoles = on.filter((c) => c.sound && (c.teams.length === 0 || c.teams.includes(team))).length;
        const alone = team === 'north' && consoles === 0;
        return {
          team,
          name,
          wanted: team === 'north',
          afterS: 300,
          consoles,
          ...(alone ? { unwatchedMs: nowMs - 420_000, alarm: true } : {}),
        };
      }),
    };
  }

  cut() {
    for (const s of this.sockets) s.terminate();
  }

  control(c) {
    switch (c.do) {
      case 'sos':
      case 'fall':
      case 'low-battery':
      case 'lost-contact':
        return this.raise(c.worker, c.do, c.more);
      case 'press':
        return this.press(c.alarm);
      case 'store':
        this.away = c.away;
        return {};
      case 'cut':
        this.cut();
        return {};
      case 'sockets':
        this.refused = c.refused;
        return {};
      case 'mute':
        this.muted = c.on;
        return {};
      case 'skip':
        this.seq += 1;
        return {};
      case 'lose':
        this.losing = c.on;
        return {};
      case 'forget':
        for (const s of this.sockets) this.forgotten.add(s);
        return {};
      case 'garble':
        for (const s of this.sockets) s.send('{"type":"changes","seq":"many"}');
        return {};
      default:
        throw new Error(`no control ${c.do}`);
    }
  }
}

const problems = {
  400: ['malformed', 'The request is malformed'],
  401: ['signed-out', 'Not signed in'],
  403: ['forbidden', 'Not allowed'],
  404: ['not-found', 'Not found'],
  409: ['conflict', 'Somebody else was first'],
  412: ['changed', 'Changed by somebody else'],
  422: ['invalid', 'Not right as it is'],
  503: ['store-away', 'Service unavailable'],
};

async function bodyOf(request) {
  let said = '';
  for await (const part of request) said += part;
  return said === '' ? {} : JSON.parse(said);
}

// serve starts a server for system and resolves to {url, close}.
export function serve(system, port = 0) {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer((request, response) => {
    answer(request, response).catch((err) => {
      console.error(err);
      response.writeHead(500).end();
    });
  });

  async function answer(request, response) {
    const url = new URL(request.url, 'http://page');
    if (system.latencyMs > 0) await new Promise((done) => setTimeout(done, system.latencyMs));
    if (url.pathname === '/_control') return json(response, 200, system.control(await bodyOf(request)));
    if (url.pathname.startsWith('/api/')) return api(request, response, url);
    return file(request, response, url.pathname);
  }

  function json(response, status, value, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
    response.end(JSON.stringify(value));
  }

  function no(response, status, detail = '') {
    const [type, title] = problems[status];
    response.writeHead(status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ type: `/problems/${type}`, title, status, detail, errors: [] }));
  }

  async function api(request, response, url) {
    const path = url.pathname.slice(4);
    const is = (method, pattern) => request.method === method && pattern.exec(path);
    if (is('GET', /^\/status$/))
      return json(response, 200, {
        store: system.away ? 'away' : 'ok',
        nowMs: system.now(),
        version: 'fake',
        ...(system.away || !system.parts.canary ? {} : { canary: system.parts.canary }),
      });
    if (system.away) return no(response, 503);
    if (is('POST', /^\/session$/)) {
      const { email, password } = await bodyOf(request);
      const user = users[email];
      if (!user || (system.admin.passwords.get(user.me.user) ?? user.password) !== password)
        return no(response, 401, 'The e-mail address or the password is wrong.');
      const token = Math.random().toString(36).slice(2);
      system.sessions.set(token, { ...user.me, email });
      return json(response, 200, user.me, {
        'Set-Cookie': `__Host-session=${token}; Secure; HttpOnly; SameSite=Strict; Path=/`,
      });
    }
    const token = /__Host-session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    const me = system.sessions.get(token);
    if (!me) return no(response, 401);
    if (is('DELETE', /^\/session$/)) {
      system.sessions.delete(token);
      return json(
        response,
        200,
        {},
        { 'Set-Cookie': '__Host-session=; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=0' },
      );
    }
    if (is('GET', /^\/me$/)) return json(response, 200, me);
    if (is('GET', /^\/duty$/)) return me.role === 'viewer' ? no(response, 403) : json(response, 200, system.duty());
    if (is('GET', /^\/parts$/)) return me.role === 'viewer' ? no(response, 403) : json(response, 200, system.parts);
    if (is('PUT', /^\/operators$/)) {
      system.parts.operators = (await bodyOf(request)).team;
      return json(response, 200, { team: system.parts.operators });
    }
    if (is('GET', /^\/board$/)) return json(response, 200, system.board());
    if (is('POST', /^\/ticket$/)) {
      const ticket = Math.random().toString(36).slice(2);
      system.tickets.add(ticket);
      return json(response, 200, { ticket });
    }
    const mustered = path.startsWith('/musters')
      ? system.musters.route(request.method, path, me, await bodyOf(request))
      : null;
    if (mustered) return mustered[1] === undefined ? no(response, mustered[0]) : json(response, ...mustered);
    if (is('GET', /^\/alarms\/[^/]+\/dossier$/)) return json(response, 200, JSON.parse(await readFile(golden, 'utf8')));
    const why = is('GET', /^\/workers\/([^/]+)\/why$/);
    if (why) return me.role === 'viewer' ? no(response, 403) : json(response, 200, system.why(why[1], url));
    if (is('POST', /^\/drills$/)) {
      const { worker, note } = await bodyOf(request);
      return json(response, 201, { ...system.raise(worker, 'drill', { drill: true, note }) });
    }
    const care = is('GET', /^\/workers\/([^/]+)\/care$/) || is('PUT', /^\/workers\/([^/]+)\/care$/);
    if (care) {
      if (me.role === 'viewer' || (request.method === 'PUT' && me.role !== 'admin')) return no(response, 403);
      const was = system.cares.get(care[1]) ?? { note: '', contacts: [], version: 1 };
      if (request.method === 'GET') system.looks.unshift({ atMs: system.now(), name: me.name, what: 'care' });
      else {
        const body = await bodyOf(request);
        if (body.version !== was.version) return no(response, 412);
        system.cares.set(care[1], { ...body, setAtMs: system.now(), setBy: me.name, version: was.version + 1 });
      }
      return json(response, 200, system.cares.get(care[1]) ?? was);
    }
    const about = /^\/(me|kinds|teams|workers|contacts|insoles|zones|users|reports)(\/|$)/.test(path);
    const told =
      about &&
      system.admin.answer(request.method, path, me, await bodyOf(request), request.headers, (status, errors = []) => [
        status,
        { type: problems[status][0], title: problems[status][1], status, detail: errors[0]?.message ?? '', errors },
        'application/problem+json',
      ]);
    if (told) {
      const [status, value, type] = told;
      if (value === null) return response.writeHead(status).end();
      return json(response, status, value, type === undefined ? {} : { 'Content-Type': type });
    }
    const past = is('GET', /^\/workers\/([^/]+)\/positions$/);
    if (past) {
      const [from, to] = [Number(url.searchParams.get('fromMs')), Number(url.searchParams.get('toMs'))];
      return json(response, 200, {
        positions: (system.history.get(past[1]) ?? []).filter((p) => p.atMs >= from && p.atMs <= to),
      });
    }
    const asked = (worker) => ({
      worker,
      version: 1,
      dueAtMs: system.now() + 900_000,
      lastAtMs: system.now() - 900_000,
      lastHow: 'foot',
    });
    if (is('GET', /^\/workers\/[^/]+\/checkin$/))
      return json(response, 200, {
        ...asked(decodeURIComponent(path.split('/')[2])),
        onShift: true,
        everyS: 1800,
        log: [],
      });
    if (is('GET', /^\/checkins$/))
      return json(response, 200, { checkIns: [...system.workers.keys()].slice(0, 3).map(asked) });
    if (is('GET', /^\/workers\/[^/]+\/looked$/))
      return json(response, 200, {
        looked: [...system.looks, { atMs: system.now() - 90_000, name: me.name }],
      });
    if (is('GET', /^\/readiness$/)) {
      const worker = url.searchParams.get('worker');
      const known = system.workers.get(worker);
      if (!known) return no(response, 404);
      const reasons = [
        { code: 'sms', weight: 'unchecked', text: 'Whether text messages are delivered (SMS sandbox, monthly spend).' },
      ];
      const drill = { atMs: system.now() - 86_400_000, tookS: 41, byName: 'Anne R.' };
      if (!known.live)
        reasons.unshift({
          code: 'never-heard',
          weight: 'blocks',
          text: 'The insole has never been heard since this person wears it.',
        });
      return json(response, 200, {
        atMs: system.now(),
        workers: [
          {
            worker,
            name: known.name,
            team: known.team,
            onShift: known.onShift,
            ready: Boolean(known.live),
            reasons,
            drill,
          },
        ],
      });
    }
    const one = is('GET', /^\/alarms\/([^/]+)$/);
    if (one) {
      const alarm = system.alarms.get(one[1]);
      if (!alarm) return no(response, 404);
      const pages = [
        {
          step: 1,
          contact: 'anne',
          name: 'Anne R.',
          channel: 'sms',
          state: 'accepted',
          queuedAtMs: alarm.raisedAtMs,
          doneAtMs: alarm.raisedAtMs + 400,
        },
        {
          step: 1,
          contact: 'anne',
          name: 'Anne R.',
          channel: 'email',
          state: 'accepted',
          queuedAtMs: alarm.raisedAtMs,
          doneAtMs: alarm.raisedAtMs + 700,
        },
      ];
      return json(response, 200, { alarm, pages, log: system.logs.get(alarm.id) });
    }
    const act = is('POST', /^\/alarms\/([^/]+)\/(take|resolve|seen|escalate|shelve|unshelve|signal)$/);
    if (act) {
      if (me.role === 'viewer') return no(response, 403);
      const alarm = system.alarms.get(act[1]);
      if (!alarm) return no(response, 404);
      if (act[2] === 'take') {
        if (alarm.state === 'taken') return no(response, 409, `${alarm.ownerName} has taken charge already.`);
        return json(response, 200, system.take(alarm.id, me));
      }
      if (act[2] !== 'resolve') return json(response, 200, system.act(alarm.id, act[2], me, await bodyOf(request)));
      const { reason, note } = await bodyOf(request);
      return json(response, 200, system.resolve(alarm.id, me, reason, note));
    }
    return no(response, 404);
  }

  async function file(request, response, path) {
    const wanted = normalize(join(dist, path === '/' || path.startsWith('/a/') ? 'index.html' : path));
    if (!wanted.startsWith(dist)) return response.writeHead(404).end();
    let bytes;
    try {
      bytes = await readFile(wanted);
    } catch {
      return response.writeHead(404).end();
    }
    const zipped =
      !request.headers.range &&
      /gzip/.test(request.headers['accept-encoding'] ?? '') &&
      /\.(html|m?js|css|svg|webmanifest)$/.test(wanted);
    if (zipped) bytes = gzipSync(bytes);
    const headers = {
      ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
      'Content-Type': types[extname(wanted)] ?? 'application/octet-stream',
      'Content-Security-Policy': policy,
    };
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!range) return response.writeHead(200, headers).end(bytes);
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    response.writeHead(206, { ...headers, 'Content-Range': `bytes ${from}-${to}/${bytes.length}` });
    return response.end(bytes.subarray(from, to + 1));
  }

  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url, 'http://page');
    const ticket = url.searchParams.get('ticket');
    if (url.pathname !== '/ws' || system.refused || system.away || !system.tickets.delete(ticket)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      system.sockets.add(ws);
      ws.on('close', () => {
        system.sockets.delete(ws);
        system.consoles.delete(ws);
      });
      ws.on('message', (data) => {
        if (system.muted) return;
        const { action, ...said } = JSON.parse(String(data));
        const nowMs = system.now();
        if (system.forgotten.has(ws)) return ws.send(JSON.stringify({ type: 'reconnect', seq: 0, nowMs }));
        if (action === 'duty' && !system.away) system.consoles.set(ws, said);
        const type = action === 'sync' ? 'sync' : 'pong';
        ws.send(
          JSON.stringify(
            system.away ? { type, seq: 0, nowMs, store: 'away' } : { type, seq: system.seq, nowMs, store: 'ok' },
          ),
        );
      });
    });
  });

  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const at = server.address();
      resolve({
        url: `http://localhost:${at.port}`,
        port: at.port,
        close: () =>
          new Promise((done) => {
            system.cut();
            sockets.close();
            server.closeAllConnections();
            server.close(() => done());
          }),
      });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const system = new System({ workers: Number(process.env.WORKERS ?? 24) });
  const { url } = await serve(system, Number(process.env.PORT ?? 8002));
  setInterval(() => system.walk(0.4), 2_000);
  console.log(`fake system at ${url}: sign in as ${Object.keys(users).join(', ')}, password demo`);
}
