// The feed under a clock of its own: no test waits, and every fault is switched on by hand.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Asked, Problem, type Status, Unreached } from '../../src/api/client.ts';
import { DecodeError } from '../../src/api/decode.ts';
import type { Alarm, Change, Snapshot, Worker } from '../../src/api/feed.ts';
import { type Duty, type Ears, Feed, type World } from '../../src/feed/feed.ts';
import type { Board } from '../../src/state/board.ts';
import type { Mode } from '../../src/state/mode.ts';
import { rung } from '../../src/state/ring.ts';
import { alarm, live, person, t0 } from './make.ts';

const away = new Problem(503, '/problems/store-away', '', '');

// A server with one client, on a page whose PC clock is a day slow.
class Bench implements World {
  at = 5_000; // performance.now()
  wallSkew = 0;
  seq = 40;
  storeAway = false;
  unplugged = false; // nothing is answered
  socketsRefused = false;
  mute = false;
  slowBoard: (() => void)[] | null = null; // boards wait until let go
  odd: unknown = null; // thrown by the next board
  isHidden = false;
  onDuty: Duty | null = null;
  words: string[] = []; // about duty, as they were said
  workers: Worker[] = [person('marie', { live: live('marie', 1) })];
  alarms: Alarm[] = [];
  ears: Ears | null = null;
  boards = 0;
  connects = 0;
  pings = 0;
  modes: Mode[] = [];
  rang: string[] = [];
  signedOut = 0;
  feed: Feed;

  constructor() {
    this.feed = new Feed(this, {
      board: (before: Board, after: Board) => this.rang.push(...rung(before, after).map((a) => a.id)),
      changed: (mode) => {
        if (this.modes.at(-1) !== mode) this.modes.push(mode);
      },
      signedOut: () => {
        this.signedOut += 1;
      },
    });
  }

  perf = () => this.at;
  wall = () => t0 - 86_400_000 + this.at + this.wallSkew;
  random = () => 0.5;
  hidden = () => this.isHidden;
  duty = () => this.onDuty;
  serverNow = () => t0 + this.at;

  async board(): Promise<Asked<Snapshot>> {
    this.boards += 1;
    const asked = this.at;
    if (this.unplugged) throw new Unreached('board');
    if (this.storeAway) throw away;
    if (this.odd !== null) throw this.odd;
    const value: Snapshot = {
      seq: this.seq,
      nowMs: this.serverNow(),
      workers: [...this.workers],
      alarms: [...this.alarms],
    };
    const { slowBoard } = this;
    if (slowBoard) await new Promise<void>((go) => slowBoard.push(go));
    return { value, asked, answered: this.at };
  }

  async status(): Promise<Asked<Status>> {
    if (this.unplugged) throw new Unreached('status');
    return {
      value: { store: this.storeAway ? 'away' : 'ok', nowMs: this.serverNow() },
      asked: this.at,
      answered: this.at,
    };
  }

  async ticket(): Promise<string> {
    this.connects += 1;
    if (this.unplugged) throw new Unreached('ticket');
    if (this.storeAway) throw away;
    return 'ticket';
  }

  open(_: string, ears: Ears) {
    this.ears = ears;
    queueMicrotask(() => (this.socketsRefused || this.unplugged ? ears.closed() : ears.opened()));
    return {
      send: (said: string) => {
        if ((JSON.parse(said) as { action: string }).action === 'ping') this.pings += 1;
        else this.words.push(said);
        if (this.unplugged || this.mute) return;
        const store = this.storeAway ? { seq: 0, store: 'away' } : { seq: this.seq, store: 'ok' };
        queueMicrotask(() => this.say({ type: 'pong', nowMs: this.serverNow(), ...store }));
      },
      close: () => undefined,
    };
  }

  say(message: unknown): void {
    if (!this.mute && !this.unplugged) this.ears?.said(JSON.stringify(message));
  }

  tell(changes: readonly Change[], said = true): void {
    this.seq += 1;
    for (const c of changes) {
      if (c.kind === 'alarm') this.alarms = [...this.alarms.filter((a) => a.id !== c.alarm.id), c.alarm];
    }
    if (said) this.say({ type: 'changes', seq: this.seq, nowMs: this.serverNow(), changes });
  }

  // pass lets ms go by, with a beat every 250 ms and everything that was promised in between.
  async pass(ms: number): Promise<void> {
    for (const end = this.at + ms; this.at < end; ) {
      this.at += Math.min(250, end - this.at);
      this.feed.beat();
      for (let i = 0; i < 20; i += 1) await Promise.resolve();
    }
  }

  // until lets time go by until the mode is there, and says how long that took.
  async until(mode: Mode, limit = 60_000): Promise<number> {
    const began = this.at;
    while (this.feed.mode !== mode) {
      if (this.at - began > limit) throw new Error(`${this.feed.mode} for ${limit} ms, not ${mode}`);
      await this.pass(250);
    }
    return this.at - began;
  }
}

let b: Bench;
beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  b = new Bench();
  await b.until('LIVE');
});

describe('a page that is told everything', () => {
  test('is live with one socket and one snapshot, and pings every 3 s', async () => {
    await b.pass(60_000);
    expect([b.feed.mode, b.connects, b.boards]).toEqual(['LIVE', 1, 1]);
    expect(b.pings).toBeGreaterThanOrEqual(20);
    expect(b.pings).toBeLessThanOrEqual(22);
  });

  test("knows the server's time on a PC that is a day slow", () => {
    expect(b.feed.now()).toBe(t0 + b.at);
  });

  test('shows a change at once', () => {
    b.tell([{ kind: 'alarm', alarm: alarm('a', 1) }]);
    expect(b.feed.board.alarms.has('a')).toBe(true);
    expect(b.rang).toEqual(['a']);
  });

  test('connects anew before the 2 h limit', async () => {
    await b.pass(7_100_000);
    expect(b.connects).toBe(2);
    expect(b.feed.mode).toBe('LIVE');
  });

  test('fetches the list now and then: shifts and new people are not in the feed', async () => {
    b.workers.push(person('new'));
    await b.pass(301_000);
    expect(b.feed.board.workers.has('new')).toBe(true);
    expect(b.feed.mode).toBe('LIVE');
  });

  test('asks for the list when it is told of somebody it does not know', async () => {
    b.workers.push(person('zoe', { name: 'Zoé' }));
    b.tell([{ kind: 'live', live: live('zoe', 1) }]);
    await b.pass(11_000);
    expect(b.feed.board.workers.get('zoe')?.name).toBe('Zoé');
  });
});

test('a snapshot asked for ahead is seen before the socket is there, and is not called live', async () => {
  const c = new Bench();
  c.feed.ahead({ value: { ...(await b.board()).value, alarms: [alarm('early', 1)] }, asked: c.at, answered: c.at });
  expect(c.rang).toEqual(['early']);
  expect(c.feed.mode).toBe('POLLING');
  c.alarms = [alarm('early', 1)];
  await c.until('LIVE', 1_000);
  expect(c.rang).toEqual(['early']);
  // With the socket lost again it does not count as polled.
  c.ears?.closed();
  expect(c.feed.mode).toBe('RECONNECTING');
  await c.until('LIVE', 3_000);
  // One that comes late changes nothing.
  c.feed.ahead({ value: (await b.board()).value, asked: c.at, answered: c.at });
  expect(c.feed.board.alarms.has('early')).toBe(true);
});

describe('the store away', () => {
  test('is seen within 5 s and left within 5 s, 20 times', async () => {
    for (let i = 0; i < 20; i += 1) {
      b.storeAway = true;
      expect(await b.until('UNAVAILABLE', 5_000)).toBeLessThanOrEqual(5_000);
      await b.pass(7_000 * (i % 3));
      expect(b.feed.mode).toBe('UNAVAILABLE');
      b.storeAway = false;
      expect(await b.until('LIVE', 5_000)).toBeLessThanOrEqual(5_000);
    }
    expect(b.connects).toBe(1);
  });

  test('is taken from a refused request at once', () => {
    b.feed.storeAway();
    expect(b.feed.mode).toBe('UNAVAILABLE');
  });

  test('with the socket lost as well is left by itself', async () => {
    b.storeAway = true;
    b.ears?.closed();
    await b.until('UNAVAILABLE', 5_000);
    await b.pass(120_000);
    expect(b.feed.mode).toBe('UNAVAILABLE');
    b.storeAway = false;
    expect(await b.until('LIVE', 10_000)).toBeLessThanOrEqual(10_000);
  });

  test('alarms of that time ring when it is over', async () => {
    b.storeAway = true;
    await b.until('UNAVAILABLE');
    b.tell([{ kind: 'alarm', alarm: alarm('meanwhile', 1) }], false);
    expect(b.rang).toEqual([]);
    b.storeAway = false;
    await b.until('LIVE');
    expect(b.rang).toEqual(['meanwhile']);
  });
});

describe('the socket', () => {
  test('cut: not live at once, live again soon, and never by a stale list', async () => {
    b.ears?.closed();
    expect(b.feed.mode).toBe('RECONNECTING');
    b.alarms = [alarm('cut', 1)];
    await b.until('LIVE', 3_000);
    expect(b.feed.board.alarms.has('cut')).toBe(true);
    expect(b.rang).toEqual(['cut']);
  });

  test('refused for long: the board is polled, and says so', async () => {
    b.socketsRefused = true;
    b.ears?.closed();
    await b.until('POLLING', 10_000);
    b.alarms = [alarm('polled', 1)];
    await b.pass(6_000);
    expect(b.rang).toEqual(['polled']);
    await b.pass(60_000);
    expect(b.feed.mode).toBe('POLLING');
    expect(b.connects).toBeLessThan(30);
    b.socketsRefused = false;
    await b.until('LIVE', 10_000);
  });

  test('open and mute: seen within 7 s, given up, made anew', async () => {
    b.mute = true;
    const was = b.connects;
    await b.pass(7_500);
    expect(b.feed.mode).not.toBe('LIVE');
    await b.pass(3_000);
    expect(b.connects).toBeGreaterThan(was);
    b.mute = false;
    await b.until('LIVE', 10_000);
  });

  test('unplugged: the whole page says so after 15 s, and comes back', async () => {
    b.unplugged = true;
    await b.pass(8_000);
    expect(b.feed.mode).toBe('RECONNECTING');
    await b.until('UNAVAILABLE', 16_000);
    b.unplugged = false;
    await b.until('LIVE', 10_000);
  });

  test('no longer known by the server: a new one', async () => {
    b.say({ type: 'reconnect', seq: 0, nowMs: b.serverNow() });
    await b.until('LIVE', 3_000);
    expect(b.connects).toBe(2);
  });
});

describe('a gap in the sequence', () => {
  test('forces a snapshot, and alarms of the gap ring', async () => {
    b.tell([{ kind: 'alarm', alarm: alarm('lost', 1) }], false);
    b.tell([{ kind: 'live', live: live('marie', 2) }]);
    expect(b.rang).toEqual([]);
    await b.pass(1_000);
    expect(b.modes).toContain('RESYNC');
    await b.until('LIVE', 2_000);
    expect(b.rang).toEqual(['lost']);
  });

  test('at the end is found by the next pong', async () => {
    b.tell([{ kind: 'alarm', alarm: alarm('last', 1) }], false);
    await b.pass(4_500);
    expect(b.rang).toEqual(['last']);
    expect(b.feed.mode).toBe('LIVE');
  });

  test('that is only a matter of order is none', async () => {
    b.tell([{ kind: 'live', live: live('marie', 2) }], false);
    b.tell([{ kind: 'live', live: live('marie', 3) }]);
    b.say({
      type: 'changes',
      seq: b.seq - 1,
      nowMs: b.serverNow(),
      changes: [{ kind: 'live', live: live('marie', 2) }],
    });
    await b.pass(5_000);
    expect(b.boards).toBe(1);
    expect(b.feed.board.workers.get('marie')?.live?.version).toBe(3);
  });

  test('numbers that began anew force a snapshot', async () => {
    b.seq = 2;
    await b.pass(5_000);
    expect(b.boards).toBe(2);
    expect(b.feed.mode).toBe('LIVE');
  });

  test('changes said while the snapshot is on its way are not lost', async () => {
    b.slowBoard = [];
    b.tell([], false);
    b.tell([{ kind: 'live', live: live('marie', 2) }]);
    await b.pass(2_000);
    expect(b.feed.mode).toBe('RESYNC');
    b.tell([{ kind: 'alarm', alarm: alarm('during', 1) }]);
    expect(b.rang).toEqual(['during']);
    for (const go of b.slowBoard) go();
    b.slowBoard = null;
    await b.until('LIVE', 1_000);
    expect(b.feed.board.alarms.has('during')).toBe(true);
    await b.pass(5_000);
    expect([b.feed.mode, b.boards]).toEqual(['LIVE', 2]);
  });
});

describe('what cannot be read', () => {
  test('a message: the list is fetched again', async () => {
    b.say({ type: 'changes', seq: 'many', nowMs: b.serverNow() });
    expect(b.feed.mode).toBe('RESYNC');
    await b.until('LIVE', 3_000);
    expect(b.boards).toBe(2);
  });

  test('a list: the page is unavailable until one can be', async () => {
    b.odd = new DecodeError('workers[0].name', 'text', 1);
    b.say({ type: 'changes', seq: 'many', nowMs: b.serverNow() });
    await b.until('UNAVAILABLE', 3_000);
    await b.pass(30_000);
    expect(b.feed.mode).toBe('UNAVAILABLE');
    b.odd = null;
    await b.until('LIVE', 12_000);
  });
});

describe('a laptop that slept', () => {
  test('claims nothing until the server has answered', async () => {
    b.wallSkew += 3_600_000;
    b.unplugged = true;
    await b.pass(250);
    expect(b.feed.mode).toBe('UNAVAILABLE');
    expect((b.feed.now() ?? 0) - (t0 + b.at)).toBe(3_600_000);
    b.unplugged = false;
    await b.until('LIVE', 12_000);
    expect(b.feed.now()).toBe(t0 + b.at);
  });
});

test('a hidden page pings every 30 s, and at once when it is seen', async () => {
  b.isHidden = true;
  await b.pass(3_000);
  const was = b.pings;
  await b.pass(60_000);
  expect(b.pings - was).toBe(2);
  expect(b.feed.mode).toBe('LIVE');
  const before = b.pings;
  b.isHidden = false;
  b.feed.beat();
  expect(b.pings).toBe(before + 1);
});

describe('duty', () => {
  const all: Duty = { sound: true, teams: [] };

  test('is said at once, then once a minute in place of a ping, and at its end', async () => {
    await b.pass(10_000);
    expect(b.words).toEqual([]);
    b.at += 0.3; // performance.now() is no whole number
    const since = b.serverNow();
    b.onDuty = all;
    await b.pass(250);
    const word = { action: 'duty', on: true, sound: true, teams: [], sinceMs: expect.any(Number) };
    expect(b.words.map((w) => JSON.parse(w))).toEqual([word]);
    const { sinceMs } = JSON.parse(b.words[0] ?? '') as { sinceMs: number };
    expect(Math.abs(sinceMs - since)).toBeLessThan(1_000);
    expect(Number.isInteger(sinceMs)).toBe(true);
    const pings = b.pings;
    await b.pass(300_000);
    expect(b.words.length).toBe(6);
    expect(new Set(b.words).size).toBe(1);
    // A ping every 3 s, of which one a minute is such a word.
    expect(b.pings - pings).toBe(95);
    expect(b.feed.mode).toBe('LIVE');
    b.onDuty = null;
    await b.pass(250);
    expect(b.words.at(-1)).toBe('{"action":"duty","on":false}');
    await b.pass(120_000);
    expect(b.words.length).toBe(7);
  });

  test('of other teams, or without sound, is said at once', async () => {
    b.onDuty = all;
    await b.pass(1_000);
    b.onDuty = { sound: true, teams: ['north'] };
    await b.pass(250);
    b.onDuty = { sound: false, teams: ['north'] };
    await b.pass(250);
    expect(b.words.map((w) => (JSON.parse(w) as Duty & { on: boolean }).teams.length)).toEqual([0, 1, 1]);
    expect((JSON.parse(b.words.at(-1) ?? '') as Duty).sound).toBe(false);
  });

  test('is said again on a new line, with the same beginning', async () => {
    b.onDuty = all;
    await b.pass(1_000);
    b.ears?.closed();
    await b.until('LIVE', 10_000);
    await b.pass(1_000);
    expect(b.words.length).toBe(2);
    expect(b.words[1]).toBe(b.words[0]);
  });

  test('that could not be written down is said again with the next ping', async () => {
    b.storeAway = true;
    b.onDuty = all;
    await b.pass(7_000);
    const during = b.words.length;
    expect(during).toBeGreaterThan(1);
    b.storeAway = false;
    await b.pass(4_000);
    expect(b.words.length).toBeGreaterThan(during);
    const after = b.words.length;
    await b.pass(50_000);
    expect(b.words.length).toBe(after);
  });
});

test('a session that ended stops everything', async () => {
  b.odd = new Problem(401, '', '', '');
  b.say({ type: 'changes', seq: 'many', nowMs: b.serverNow() });
  await b.pass(2_000);
  expect(b.signedOut).toBe(1);
  const was = b.connects;
  await b.pass(60_000);
  expect(b.connects).toBe(was);
});

test('what an answer to this page says is shown ahead of the feed, and the feed does not undo it', () => {
  b.tell([{ kind: 'alarm', alarm: alarm('a', 1) }]);
  b.feed.learn([{ kind: 'alarm', alarm: alarm('a', 2, { state: 'taken', ownerName: 'Claire M.' }) }]);
  b.tell([{ kind: 'alarm', alarm: alarm('a', 1) }]);
  expect(b.feed.board.alarms.get('a')?.state).toBe('taken');
});
