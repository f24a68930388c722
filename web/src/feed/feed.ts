// Feed keeps the board true: socket, snapshot, sequence, heartbeat. It holds no timer but one, a beat every 250 ms at
// most, on which everything that is due is done. What it may claim is state/mode.ts; this file only gathers the facts.

import { type Asked, Problem, type Status } from '../api/client.ts';
import { DecodeError } from '../api/decode.ts';
import { type Message, message, type Snapshot } from '../api/feed.ts';
import { applyAll, type Board, emptyBoard, merge } from '../state/board.ts';
import { type Clock, noClock, sample, serverNow, slept } from '../state/clock.ts';
import { backoffMs, type Facts, type Mode, modeAt, noFacts } from '../state/mode.ts';
import { from, heard, isGap, type Sequence, told } from '../state/sequence.ts';

// A Line is one WebSocket, as far as Feed cares.
export interface Line {
  send(text: string): void;
  close(): void;
}

export interface Ears {
  opened(): void;
  said(text: string): void;
  closed(): void;
}

// World is everything outside: the API, the two clocks of the page, chance.
export interface World {
  board(): Promise<Asked<Snapshot>>;
  status(): Promise<Asked<Status>>;
  ticket(): Promise<string>;
  open(ticket: string, ears: Ears): Line;
  perf(): number; // ms that nobody sets
  wall(): number; // Date.now()
  random(): number;
  hidden(): boolean; // nobody sees the page, and nobody is on duty at it
  duty(): Duty | null; // null: nobody is on duty here
}

// Duty is what is told of this screen while somebody is on duty at it. No teams are all of them.
export interface Duty {
  readonly sound: boolean; // armed
  readonly teams: readonly string[];
}

export interface Watch {
  board(before: Board, after: Board): void;
  changed(mode: Mode, facts: Facts): void;
  signedOut(): void;
}

const pingMs = 3_000;
const pingHiddenMs = 30_000; // well below the 10 min after which an idle connection is closed
const dutyMs = 60_000; // between two words that somebody is on duty; forgotten after three minutes
const offDuty = '{"action":"duty","on":false}';
const pongPatienceMs = 2_000; // then the status page is asked
const deadMs = 6_500; // then the socket counts as dead
const openPatienceMs = 8_000;
const maxLineMs = 105 * 60_000; // connections end after 2 h; a new one is made before
const pollMs = 5_000;
const storeCheckMs = 1_500;
const snapshotAgainMs = 5 * 60_000; // shifts and new workers are not in the feed
const strangerMs = 10_000;

export class Feed {
  board: Board = emptyBoard;
  clock: Clock = noClock;
  facts: Facts = noFacts;
  mode: Mode = 'RECONNECTING';

  private readonly world: World;
  private readonly watch: Watch;
  private line: Line | null = null;
  private lineNumber = 0; // of the newest line; what an older one says is not heard
  private openedAt = 0;
  private tries = 0;
  private nextTry = 0;
  private sequence: Sequence = from(0);
  private fetching = false;
  private waiting: (Message & { type: 'changes' })[] = []; // said while the snapshot was on its way
  private nextPing = 0;
  private pingedAt: number | null = null; // unanswered
  private pingedThrough = Number.POSITIVE_INFINITY; // what had been heard when it was sent
  private toldDuty = offDuty; // on this line
  private nextDuty = 0;
  private dutySince = 0; // by the server's clock
  private asking = false; // /api/status
  private nextAsk = 0;
  private nextPoll = 0;
  private snapshotAt = 0;
  private snapshotTries = 0;
  private nextSnapshot = 0;
  private readonly since: number;
  private wasHidden = false;
  private sleptSeen = 0; // ms of this sleep that are accounted for
  private stopped = false;

  constructor(world: World, watch: Watch) {
    this.world = world;
    this.watch = watch;
    this.since = world.perf();
  }

  // now is the server's time, null before its first answer.
  now(): number | null {
    return serverNow(this.clock, this.world.perf(), this.world.wall());
  }

  // beat does what is due. It is called every 250 ms or so, at once when the page is seen again, and by every event.
  beat(): void {
    if (this.stopped) return;
    const now = this.world.perf();
    const hidden = this.world.hidden();
    const jump = slept(this.clock, now, this.world.wall());
    if (jump !== 0) this.woke(now, jump);
    else this.sleptSeen = 0;
    if (this.wasHidden && !hidden) this.nextPing = now;
    this.wasHidden = hidden;

    if (this.facts.socket === 'closed' && now >= this.nextTry) void this.connect();
    if (this.facts.socket === 'opening' && now - this.openedAt > openPatienceMs) this.drop(now);
    if (this.facts.socket === 'open') this.heartbeat(now, hidden);
    if (this.facts.store === 'away' && now >= this.nextAsk) void this.ask();
    // Two failed tries, and the board is fetched without the socket.
    if (this.facts.socket !== 'open' && this.tries >= 2 && this.facts.store === 'ok' && now >= this.nextPoll)
      void this.fetch('poll');
    this.judge();
  }

  private heartbeat(now: number, hidden: boolean): void {
    const { saidAt, synced, store } = this.facts;
    const duty = this.dutyWord();
    const news = duty !== this.toldDuty;
    if (news || now >= this.nextPing) {
      this.pingedAt ??= now;
      this.pingedThrough = Math.min(this.pingedThrough, this.sequence.through);
      this.nextPing = now + (hidden ? pingHiddenMs : pingMs);
      // A word about duty is a ping too: it costs no message more.
      const tell = news || (duty !== offDuty && now >= this.nextDuty);
      if (tell) [this.toldDuty, this.nextDuty] = [duty, now + dutyMs];
      this.line?.send(tell ? duty : '{"action":"ping"}');
    }
    if (this.pingedAt !== null && now - this.pingedAt > pongPatienceMs && now >= this.nextAsk) void this.ask();
    if (this.pingedAt !== null && now - this.pingedAt > deadMs && now - (saidAt ?? this.openedAt) > deadMs)
      this.drop(now);
    else if (now - this.openedAt > maxLineMs && synced) this.drop(now, true);
    if (this.facts.socket !== 'open') return;
    if (store === 'away') return;
    if (synced && isGap(this.sequence, now)) this.know({ synced: false });
    const stale =
      now - this.snapshotAt > snapshotAgainMs || (this.board.strangers && now - this.snapshotAt > strangerMs);
    if ((!this.facts.synced || stale) && now >= this.nextSnapshot) void this.fetch('socket');
  }

  private dutyWord(): string {
    const duty = this.world.duty();
    this.dutySince = duty ? this.dutySince || Math.round(this.now() ?? 0) : 0;
    return duty ? JSON.stringify({ action: 'duty', on: true, ...duty, sinceMs: this.dutySince }) : offDuty;
  }

  // ahead takes a snapshot that was asked for before the feed began, so that what it holds is seen a few round trips
  // earlier. It counts as one fetched without the socket: the page is live only after its own.
  ahead({ value, asked, answered }: Asked<Snapshot>): void {
    if (this.stopped || this.facts.truthAt !== null) return;
    this.clock = sample(this.clock, asked, answered, value.nowMs, this.world.wall());
    this.become(merge(this.board, value));
    this.know({ truthAt: answered, polledAt: answered });
    this.judge();
  }

  // storeAway is told by whoever got a 503: no need to wait for the next ping.
  storeAway(): void {
    if (this.facts.store === 'away') return;
    this.know({ store: 'away', synced: false });
    this.nextAsk = this.world.perf() + storeCheckMs;
    this.judge();
  }

  // learn applies what an answer to this page's own request said, ahead of the feed.
  learn(changes: Parameters<typeof applyAll>[1]): void {
    this.become(applyAll(this.board, changes));
  }

  stop(): void {
    this.stopped = true;
    this.lineNumber += 1;
    this.line?.close();
    this.line = null;
  }

  private async connect(): Promise<void> {
    const number = ++this.lineNumber;
    this.openedAt = this.world.perf();
    this.know({ socket: 'opening', synced: false });
    let ticket: string;
    try {
      ticket = await this.world.ticket();
    } catch (err) {
      if (number === this.lineNumber) {
        this.failed(err);
        this.drop(this.world.perf());
      }
      return;
    }
    if (number !== this.lineNumber || this.stopped) return;
    this.line = this.world.open(ticket, {
      opened: () => {
        if (number !== this.lineNumber) return;
        const now = this.world.perf();
        this.openedAt = now;
        this.nextPing = now;
        this.pingedAt = null;
        this.nextSnapshot = now;
        this.snapshotTries = 0;
        this.toldDuty = offDuty;
        this.waiting = [];
        this.know({ socket: 'open', synced: false, saidAt: now });
        this.beat();
      },
      said: (text) => {
        if (number === this.lineNumber) this.said(text);
      },
      closed: () => {
        if (number === this.lineNumber) this.drop(this.world.perf());
      },
    });
  }

  // drop gives the line up and plans the next try; at once when it was given up in good health.
  private drop(now: number, healthy = false): void {
    this.lineNumber += 1;
    this.line?.close();
    this.line = null;
    this.pingedAt = null;
    // A line that lived is tried again as if it were the first time.
    if (this.facts.socket === 'open' && now - this.openedAt > 10_000) this.tries = 0;
    this.nextTry = healthy ? now : now + backoffMs(this.tries, this.world.random());
    this.tries += 1;
    this.know({ socket: 'closed', synced: false });
    this.judge();
  }

  // woke is after a sleep: nothing that was known is taken for true.
  private woke(now: number, jump: number): void {
    this.clock = { ...this.clock, rtt: Number.POSITIVE_INFINITY };
    // What was true is older by the sleep, which performance.now() may not have counted.
    const more = Math.max(0, jump - this.sleptSeen);
    this.sleptSeen += more;
    const { truthAt } = this.facts;
    this.know({ truthAt: truthAt === null ? null : truthAt - more, polledAt: null, saidAt: null });
    if (this.facts.socket === 'open') this.drop(now, true);
    // Until the server has answered the clock stays suspect, and this is called on every beat: ask only so often.
    if (now >= this.nextAsk) void this.ask();
  }

  private said(text: string): void {
    const now = this.world.perf();
    let m: Message;
    try {
      m = message(JSON.parse(text), '');
    } catch (err) {
      // One message that cannot be read is a message that is missing.
      this.know({ saidAt: now, synced: false });
      this.puzzled(err);
      this.beat();
      return;
    }
    switch (m.type) {
      case 'changes':
        this.know({ saidAt: now });
        if (this.fetching) this.waiting.push(m);
        this.take(m, now);
        break;
      case 'sync':
      case 'pong':
        if (this.pingedAt !== null) this.clock = sample(this.clock, this.pingedAt, now, m.nowMs, this.world.wall());
        this.pingedAt = null;
        this.know({ saidAt: now });
        if (m.store === 'away') {
          this.nextDuty = 0; // it was not written down
          this.storeAway();
        } else {
          this.storeBack(now);
          if (!this.fetching) this.sequence = told(this.sequence, m.seq, this.pingedThrough, now);
        }
        this.pingedThrough = Number.POSITIVE_INFINITY;
        if (this.facts.synced && !this.sequence.gapSince && this.facts.store === 'ok') this.know({ truthAt: now });
        break;
      case 'reconnect':
        this.drop(now, this.tries < 3);
        break;
      case 'error':
        console.error('the server did not understand', m.detail);
        break;
      default:
        m satisfies never;
    }
    this.beat();
  }

  private take(m: Message & { type: 'changes' }, now: number): void {
    if (m.seq <= this.sequence.through) return;
    this.sequence = heard(this.sequence, m.seq, now);
    this.become(applyAll(this.board, m.changes));
    if (this.facts.synced && this.sequence.gapSince === null) this.know({ truthAt: now });
  }

  private storeBack(now: number): void {
    if (this.facts.store === 'ok') return;
    this.know({ store: 'ok', synced: false });
    this.nextSnapshot = now;
    this.nextTry = Math.min(this.nextTry, now + 500 * this.world.random());
    this.nextPoll = now;
  }

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    this.nextAsk = this.world.perf() + storeCheckMs;
    try {
      const { value, asked, answered } = await this.world.status();
      this.clock = sample(this.clock, asked, answered, value.nowMs, this.world.wall());
      if (value.store === 'away') this.storeAway();
      else this.storeBack(this.world.perf());
    } catch (err) {
      this.failed(err);
    } finally {
      this.asking = false;
    }
    this.beat();
  }

  private async fetch(way: 'socket' | 'poll'): Promise<void> {
    if (this.fetching) return;
    this.fetching = true;
    this.waiting = [];
    const number = this.lineNumber;
    this.nextPoll = this.world.perf() + pollMs;
    this.nextSnapshot = this.world.perf() + 1_000;
    try {
      const { value, asked, answered } = await this.world.board();
      this.clock = sample(this.clock, asked, answered, value.nowMs, this.world.wall());
      this.snapshotTries = 0;
      this.snapshotAt = answered;
      this.storeBack(answered);
      this.sequence = from(value.seq);
      const later = this.waiting.filter((m) => m.seq > value.seq);
      for (const m of later) this.sequence = heard(this.sequence, m.seq, answered);
      const changes = later.flatMap((m) => m.changes);
      this.become(applyAll(merge(this.board, value, changes), changes));
      const here = way === 'socket' && number === this.lineNumber && this.facts.socket === 'open';
      this.know({
        readable: true,
        truthAt: answered,
        ...(here ? { synced: true, polledAt: null } : { polledAt: answered }),
      });
      if (here) this.tries = 0;
    } catch (err) {
      this.snapshotTries += 1;
      this.nextSnapshot = this.world.perf() + 300 + backoffMs(this.snapshotTries, this.world.random());
      this.failed(err);
    } finally {
      this.fetching = false;
      this.waiting = [];
    }
    this.beat();
  }

  private failed(err: unknown): void {
    if (err instanceof Problem) {
      if (err.signedOut) {
        this.stop();
        this.watch.signedOut();
      } else if (err.storeAway) this.storeAway();
      return;
    }
    if (err instanceof DecodeError) {
      this.know({ readable: false });
      this.puzzled(err);
    }
  }

  private puzzled(err: unknown): void {
    console.error('an answer that this page cannot read', err);
  }

  private become(board: Board): void {
    if (board === this.board) return;
    const before = this.board;
    this.board = board;
    this.watch.board(before, board);
  }

  private know(more: Partial<Facts>): void {
    this.facts = { ...this.facts, ...more };
  }

  private judge(): void {
    this.mode = modeAt(this.facts, this.world.perf(), this.since, this.world.hidden());
    this.watch.changed(this.mode, this.facts);
  }
}
