// Evacuations and roll-calls, in memory, for the fake system. Whoever is called answers when a test says so.
export class Musters {
  constructor({ system }) {
    this.system = system;
    this.all = new Map();
    this.calls = []; // what was asked for, for the tests
  }

  who(call) {
    return [...this.system.workers.values()].filter((w) => w.onShift && (!call.team || w.team === call.team));
  }

  row(w) {
    const row = { worker: w.worker, name: w.name, team: w.team, state: 'waiting', version: 1 };
    if (w.phone) row.phone = w.phone;
    if (!w.live || w.live.lost) row.why = 'silent';
    else if (w.live.charging) row.why = 'charging';
    return row;
  }

  tell(m, row) {
    if (row) {
      row.version += 1;
      const { name: _, team: _t, phone: _p, where: _w, ...to } = row;
      this.system.tell([{ kind: 'summons', summons: { muster: m.muster, ...to } }]);
    } else {
      m.version += 1;
      this.system.tell([
        { kind: 'muster', muster: { id: m.muster, state: m.state, called: m.called, version: m.version } },
      ]);
    }
  }

  begin(call, me) {
    this.calls.push(call);
    const had = this.all.get(call.muster);
    if (had) return had.muster;
    const people = this.who(call).map((w) => this.row(w));
    const at = this.system.now();
    const muster = {
      answerWithinS: 120,
      ...call,
      name: call.team === 'north' ? 'Équipe Nord' : call.team,
      state: 'calling',
      by: me.user,
      byName: me.name,
      askedAtMs: at,
      called: 0,
      version: 1,
    };
    const file = { muster, people };
    this.all.set(call.muster, file);
    const first = { ...muster };
    muster.state = 'waiting';
    muster.called = people.length;
    muster.deadlineMs = at + muster.answerWithinS * 1000;
    this.tell(muster);
    return first;
  }

  answer(id, worker) {
    const file = this.all.get(id);
    const row = file.people.find((p) => p.worker === worker);
    Object.assign(row, { state: 'safe', safeAtMs: this.system.now(), feltAtMs: this.system.now() });
    this.tell(file.muster, row);
  }

  // overdue is the deadline: an alarm about everybody who has not answered.
  overdue(id) {
    const file = this.all.get(id);
    for (const row of file.people) {
      if (row.state !== 'waiting') continue;
      row.state = 'missing';
      row.alarm = this.system.raise(row.worker, 'no-answer').id;
      this.tell(file.muster, row);
    }
    file.muster.state = 'counted';
    this.tell(file.muster);
  }

  // route answers [status, value], or null for what is not about musters.
  route(method, path, me, body) {
    const found = /^\/musters(?:\/([a-z0-9-]+)(?:\/(\w+))?)?$/.exec(path);
    if (!found) return null;
    const [, id, act] = found;
    if (method === 'GET' && !id) return [200, { musters: [...this.all.values()].map((f) => f.muster).reverse() }];
    if (method !== 'GET' && me.role === 'viewer') return [403];
    if (method === 'POST' && id === 'reach') {
      const rows = this.who(body).map((w) => this.row(w));
      return [200, { people: rows.length, unreachable: rows.filter((r) => r.why).length, unknownWhere: 0 }];
    }
    if (method === 'POST' && !id) return [200, this.begin(body, me)];
    const file = this.all.get(id);
    if (!file) return [404];
    if (method === 'GET') return [200, { ...file, nowMs: this.system.now(), tally: {} }];
    if (act === 'safe') {
      const row = file.people.find((p) => p.worker === body.worker);
      if (!row) return [404];
      Object.assign(row, { state: 'safe', safeAtMs: this.system.now(), byName: me.name });
      this.tell(file.muster, row);
      return [200, row];
    }
    if (act === 'end') {
      Object.assign(file.muster, { state: 'ended', endedAtMs: this.system.now(), endedBy: me.name });
      this.tell(file.muster);
      return [200, file.muster];
    }
    return [404];
  }
}
