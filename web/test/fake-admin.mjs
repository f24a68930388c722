// What people set up, in memory, for the fake system: versions, the checks that the pages' tests need, and the words in
// which the API would say so.
const rank = { viewer: 1, supervisor: 2, admin: 3 };

const nouns = {
  teams: { key: 'team', see: 'viewer' },
  workers: { key: 'worker', see: 'viewer' },
  contacts: { key: 'contact', see: 'supervisor' },
  insoles: { key: 'insole', see: 'supervisor' },
  zones: { key: 'zone', see: 'viewer' },
  users: { key: 'user', see: 'admin' },
};

const kinds = [
  {
    kind: 'sos',
    name: 'SOS',
    default: { priority: 1 },
    why: 'Help is never filtered.',
    least: {},
    most: { priority: 1 },
    neverOff: 'somebody asks for help',
  },
  {
    kind: 'fall',
    name: 'Fall',
    default: { priority: 1 },
    why: '30 s is long enough to notice.',
    least: { preAlarmS: 5 },
    most: { priority: 1, preAlarmS: 300 },
  },
  {
    kind: 'lost-contact',
    name: 'Lost contact',
    default: { priority: 2, factor: 3, minimumS: 180 },
    why: 'One lost report is radio, three in a row are not.',
    least: { factor: 2, minimumS: 60 },
    most: { priority: 3, factor: 20, minimumS: 14400 },
  },
  {
    kind: 'unwatched',
    name: 'Nobody is watching',
    default: { off: true, priority: 2, minimumS: 300 },
    why: 'off: pages reach phones whether or not anybody looks at a screen.',
    least: { minimumS: 60 },
    most: { priority: 3, minimumS: 14400 },
  },
];

const fault = (location, message) => ({ location, message });

const idFrom = (name) =>
  name
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');

export class Admin {
  constructor({ workers, zones, users, now }) {
    this.now = now;
    this.puts = []; // every change that was asked for, for the tests
    this.confirmed = { anne: true, bruno: false };
    this.passwords = new Map();
    const of = (key, list) => new Map(list.map((v) => [v[key], { version: 1, ...v }]));
    this.things = {
      contacts: of('contact', [
        { contact: 'anne', name: 'Anne R.', phone: '+33639980001', email: 'anne@demo.test', locale: 'fr' },
        { contact: 'bruno', name: 'Bruno T.', email: 'bruno@demo.test', locale: 'en' },
        { contact: 'chloe', name: 'Chloé V.', phone: '+33639980003', locale: 'fr' },
      ]),
      teams: of('team', [
        {
          team: 'north',
          name: 'Équipe Nord',
          steps: [
            { contacts: ['anne', 'bruno'], channels: ['sms', 'email'] },
            { delayS: 120, contacts: ['chloe'], channels: ['sms'] },
          ],
          repeatS: 300,
          lapseS: 900,
          fallback: '+33639980009',
        },
        { team: 'south', name: 'Équipe Sud', steps: [{ contacts: ['chloe'], channels: ['sms'] }], repeatS: 300 },
      ]),
      workers: of(
        'worker',
        [...workers.values()].map((w) => ({
          worker: w.worker,
          name: w.name,
          team: w.team,
          ...(w.phone ? { phone: w.phone } : {}),
          ...(w.insole ? { insole: w.insole } : {}),
        })),
      ),
      insoles: of('insole', [
        ...[...workers.values()]
          .filter((w) => w.insole)
          .map((w) => ({
            insole: w.insole,
            dialect: 'sole',
            team: w.team,
            worker: w.worker,
            madeMs: now() - 9e9,
            keyMs: now() - 9e9,
          })),
        { insole: '00a1b2c3d4e5f6ff', dialect: 'sole', team: 'north', madeMs: now() - 9e9, keyMs: now() - 9e9 },
      ]),
      zones: of(
        'zone',
        zones.map((z) => ({ ...z })),
      ),
      users: of(
        'user',
        Object.entries(users).map(([email, u]) => ({ ...u.me, org: undefined, orgName: undefined, email })),
      ),
    };
  }

  // answer is [status, body], or null for what is not administration. problem() makes a body that says no.
  answer(method, path, me, body, header, problem) {
    const report = /^\/reports\/(\d{4}-\d{2})(\/alarms)?$/.exec(path);
    if (report && method === 'GET') {
      if (rank[me.role] < rank.supervisor) return problem(403);
      return report[2] ? [200, { alarms: this.past?.() ?? [] }] : [200, this.report(report[1])];
    }
    if (path === '/me' && method === 'PUT') return this.account(me, body, problem);
    if (path === '/kinds' && method === 'GET') return [200, { kinds }];
    const dry = /^\/teams\/([^/]+)\/dryrun$/.exec(path);
    if (dry && method === 'POST')
      return rank[me.role] < rank.supervisor
        ? problem(403)
        : [200, this.dryRun(body.policy ?? this.things.teams.get(dry[1]), body)];
    const found = /^\/(\w+)(?:\/([^/]+))?(?:\/(rotate|revoke))?$/.exec(path);
    const noun = nouns[found?.[1]];
    if (!noun) return null;
    const [, kind, raw, act] = found;
    const all = this.things[kind];
    const id = raw === undefined ? undefined : decodeURIComponent(raw);
    if (rank[me.role] < rank[method === 'GET' ? noun.see : 'admin']) return problem(403);
    if (method === 'GET' && id === undefined) return [200, { [kind]: [...all.values()] }];
    if (id !== undefined && !all.has(id)) return problem(404);
    const was = all.get(id);
    if (method === 'GET') return [200, kind === 'teams' ? { ...was, confirmed: this.confirmed } : was];

    const match = /^"(\d+)"$/.exec(header['if-match'] ?? '')?.[1];
    const version = match ? Number(match) : body?.version;
    this.puts.push({ method, path, version, body });
    if (id !== undefined && version !== undefined && version !== was.version) return problem(412);
    if (act === 'rotate')
      return [200, { insole: this.keep(all, noun, { ...was, keyMs: this.now() }), key: '5a'.repeat(32) }];
    if (act === 'revoke') return [200, this.keep(all, noun, { ...was, revoked: true, worker: '' })];
    if (method === 'DELETE') {
      if (kind === 'contacts') {
        const team = [...this.things.teams.values()].find((t) => t.steps.some((s) => s.contacts.includes(id)));
        if (team)
          return problem(422, [
            fault('body.steps[0].contacts[0]', `Without them, the team ${team.name} would reach no one.`),
          ]);
      }
      all.delete(id);
      return [204, null];
    }
    const { password, ...rest } = body;
    const wrong = this.wrong(kind, rest);
    if (wrong.length > 0) return problem(422, wrong);
    const own =
      method === 'POST'
        ? { ...rest, [noun.key]: rest[noun.key] || idFrom(rest.name ?? 'a1') }
        : { ...rest, [noun.key]: id };
    if (kind === 'insoles') {
      if (method === 'PUT') return [200, this.keep(all, noun, { ...was, worker: '', ...rest })];
      const made = this.keep(all, noun, {
        ...own,
        insole: rest.insole || '00a1b2c3d4e5f6aa',
        madeMs: this.now(),
        keyMs: this.now(),
      });
      return [201, { insole: made, key: 'c3'.repeat(32) }];
    }
    if (password) this.passwords.set(own[noun.key], password);
    const made = this.keep(all, noun, { ...own, version: was?.version ?? 0 });
    if (kind === 'users' && method === 'POST') return [201, { user: made, password: 'abcde-fghjk-mnpqr-stuvw' }];
    return [method === 'POST' ? 201 : 200, made];
  }

  keep(all, noun, thing) {
    const kept = { ...thing, version: (thing.version ?? 0) + 1 };
    all.set(kept[noun.key], kept);
    return kept;
  }

  // change is another administrator, somewhere else.
  change(kind, id, more) {
    return this.keep(this.things[kind], nouns[kind], { ...this.things[kind].get(id), ...more });
  }

  wrong(kind, v) {
    const faults = [];
    if (kind !== 'insoles' && !v.name?.trim()) faults.push(fault('body.name', 'A name is needed.'));
    if (v.phone && !/^\+[1-9][\d .]{6,20}$/.test(v.phone))
      faults.push(fault('body.phone', `“${v.phone}” is not a phone number with its country code.`));
    if (kind === 'teams') {
      if (v.fallback && !/^\+[1-9][\d .]{6,20}$/.test(v.fallback))
        faults.push(fault('body.fallback', `“${v.fallback}” is not a phone number with its country code.`));
      if (v.steps.length === 0) faults.push(fault('body.steps', 'A team without steps would reach no one.'));
      if (v.settings?.['lost-contact']?.factor > 20)
        faults.push(fault('body.settings.lost-contact.factor', 'At most 20.'));
      v.steps.forEach((s, i) => {
        if (s.contacts.length === 0) faults.push(fault(`body.steps[${i}].contacts`, `Step ${i + 1} calls nobody.`));
      });
    }
    if (kind === 'zones') {
      if (v.ring.length < 3) faults.push(fault('body.ring', 'A zone has three corners at least.'));
      const pole = v.ring.findIndex(([, lat]) => Math.abs(lat) > 85);
      if (pole >= 0) faults.push(fault(`body.ring[${pole}]`, 'Too near a pole.'));
      if (v.ring.length === 4 && crosses(v.ring))
        faults.push(fault('body.ring', 'The zone crosses itself: side 1 meets side 3.'));
    }
    if (kind === 'workers' && !this.things.teams.has(v.team))
      faults.push(fault('body.team', `There is no team “${v.team}”.`));
    return faults;
  }

  // dryRun is at step times, without repeats.
  dryRun(team, { kind, atMs = this.now() }) {
    let afterS = 0;
    const steps = team.steps.map((step, i) => {
      afterS += step.delayS ?? 0;
      const told = step.contacts.flatMap((id) =>
        step.channels.map((channel) => {
          const { name, phone, email } = this.things.contacts.get(id);
          const has = channel === 'sms' ? phone : email;
          const reachable = Boolean(has) && (channel === 'sms' || this.confirmed[id] === true);
          const text = reachable ? undefined : has ? 'e-mail not confirmed' : 'no phone number';
          return { contact: id, name, channel, reachable, text };
        }),
      );
      const reached = told.some((x) => x.reachable);
      return {
        step: i + 1,
        atMs: atMs + afterS * 1000,
        afterS,
        outOfHours: false,
        place: i + 1,
        repeat: false,
        reached,
        told,
      };
    });
    const first = steps.find((s) => s.reached);
    return {
      kind,
      priority: 1,
      off: team.settings?.[kind]?.off ?? false,
      atMs,
      repeatS: 300,
      steps,
      faults: this.wrong('teams', team).map((f) => ({ ...f, location: f.location.replace('body', 'body.policy') })),
      unread: false,
      nobody: first === undefined,
      firstS: first?.afterS ?? -1,
    };
  }

  account(me, body, problem) {
    this.puts.push({ method: 'PUT', path: '/me', body: { ...body } });
    if (body.password) {
      if (body.current !== (this.passwords.get(me.user) ?? 'demo'))
        return problem(422, [fault('body.current', 'That is not the password you have now.')]);
      this.passwords.set(me.user, body.password);
    }
    if (body.locale) me.locale = body.locale;
    return [200, me];
  }

  report(month) {
    const line = (ended, p50, p95) => ({
      ended,
      reasons: { real: ended - 2, false: 1, test: 1, drill: 0, other: 0, cancelled: 0 },
      exercises: 1,
      needed: ended - 1,
      page: { n: ended - 1, p50S: 1.2, p95S: 2.9 },
      take: { n: ended - 1, p50S: p50, p95S: p95 },
      within: ended - 2,
      goalS: 60,
      falseRate: 1 / (ended - 1),
    });
    return {
      month,
      madeAtMs: this.now(),
      partial: true,
      alarms: [
        { kind: 'sos', ...line(9, 21.4, 74) },
        { kind: 'lost-contact', ...line(14, 40, 660) },
      ],
      all: line(23, 33.2, 74),
      standing: [
        {
          alarm: 'q2f7mzaaaaaaaaaa',
          reference: 'Q2F7M9',
          kind: 'fall',
          state: 'active',
          worker: 'paul',
          workerName: 'Paul',
          raisedAtMs: 1,
          ageS: 5400,
        },
      ],
    };
  }
}

function crosses([a, b, c, d]) {
  const side = (p, q, r) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  const meet = (p, q, r, s) => side(p, q, r) !== side(p, q, s) && side(r, s, p) !== side(r, s, q);
  return meet(a, b, c, d) || meet(b, c, d, a);
}
