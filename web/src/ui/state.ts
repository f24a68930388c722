// What the screen holds: signals, and the few things people do with them. Drawing is elsewhere.
import { computed, signal } from '@preact/signals';
import { api, type Me, type Position, Problem, type Team } from '../api/client.ts';
import type { Alarm } from '../api/feed.ts';
import { Feed, type World } from '../feed/feed.ts';
import { type Board, emptyBoard } from '../state/board.ts';
import { arranged, flat } from '../state/incidents.ts';
import { type Facts, type Mode, mayChange, noFacts } from '../state/mode.ts';
import { alarmsByWorker, byName, census, type Filter, inOrder, lines, noFilter } from '../state/people.ts';
import { type Place, placeOf, type Zone } from '../state/place.ts';
import { rung } from '../state/ring.ts';
import { clock, span } from '../text/format.ts';
import { type Lang, lang, langOf, speak, t, word } from '../text/text.ts';
import { duty, onDuty, ring } from './duty.ts';
import { go, route } from './route.ts';

// asking  who is signed in is not known yet
// away    nobody can be let in: the store cannot be reached
// out     nobody is signed in
export type Session = { readonly is: 'asking' | 'away' | 'out' } | { readonly is: 'in'; readonly me: Me };

export const session = signal<Session>({ is: 'asking' });
export const board = signal<Board>(emptyBoard);
export const mode = signal<Mode>('RECONNECTING');
export const facts = signal<Facts>(noFacts);
export const now = signal<number | null>(null); // the server's time, moved on twice a second
export const asOf = signal<number | null>(null); // the server's time when the board was last known to be whole
export const teams = signal<ReadonlyMap<string, Team>>(new Map());
export const zones = signal<readonly Zone[]>([]);
export const filter = signal<Filter>(noFilter);
export const busy = signal<ReadonlySet<string>>(new Set()); // alarms that a request of this page is about
export const resolving = signal<string | null>(null); // the alarm of the open dialog
export const helping = signal(false);
export const notice = signal<{ readonly text: string; readonly bad: boolean } | null>(null);
export const spoken = signal(''); // of the one role=alert region
export const cursor = signal<string | null>(null); // alarm or worker id that J and K are at
// The way of the worker whose panel is open.
export const trail = signal<{ readonly worker: string; readonly positions: readonly Position[] } | null>(null);
export const view = signal<'list' | 'map'>('list'); // on a phone

export const me = computed(() => (session.value.is === 'in' ? session.value.me : null));
export const maySteer = computed(() => me.value !== null && me.value.role !== 'viewer');
export const canChange = computed(() => maySteer.value && mayChange(mode.value));
// News of people leaves the alarms as they are, and redraws nothing that hangs on them.
const openAlarms = computed(() => board.value.alarms);
export const arrangement = computed(() => arranged(inOrder(openAlarms.value.values()), slowNow.value));
export const alarms = computed(() => flat(arrangement.value)); // in the order in which they are drawn
export const byWorker = computed(() => alarmsByWorker(openAlarms.value));
export const counts = computed(() => census(board.value, now.value ?? 0));
const collator = computed(() => new Intl.Collator(lang.value, { sensitivity: 'base', numeric: true }));
// The list is put in order anew every few seconds and on news, not on every tick of the clock.
const slowNow = computed(() => Math.floor((now.value ?? 0) / 5000) * 5000);
const ranks = byName();
export const people = computed(() =>
  lines(board.value, filter.value, slowNow.value, teamName, ranks(board.value, collator.value)),
);

// The worker whose panel is open, and the alarm it is opened for.
export const chosenAlarm = computed(() => {
  const r = route.value;
  if (r.page !== 'alarm') return null;
  return board.value.alarms.get(r.id) ?? board.value.ended.get(r.id) ?? null;
});
export const chosen = computed(() => {
  const r = route.value;
  const id = r.page === 'worker' ? r.id : chosenAlarm.value?.worker;
  return id === undefined ? null : (board.value.workers.get(id) ?? null);
});

export function teamName(team: string): string {
  return teams.value.get(team)?.name ?? team;
}

export function placeAt(lat: number | undefined, lon: number | undefined): Place | null {
  return lat === undefined || lon === undefined ? null : placeOf({ lat, lon }, zones.value);
}

export const followedAt = signal(0);
export const proved = signal<string | null>(null); // that alarms still reach phones, while the page is unavailable and this is known
let feed: Feed | null = null;
let beating: ReturnType<typeof setInterval> | null = null;

const world: World = {
  board: api.board,
  status: api.status,
  ticket: api.ticket,
  open(ticket, ears) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/ws?ticket=${encodeURIComponent(ticket)}`);
    socket.onopen = () => ears.opened();
    socket.onclose = () => ears.closed();
    socket.onmessage = (e) => ears.said(typeof e.data === 'string' ? e.data : '');
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => socket.close(),
    };
  },
  perf: () => performance.now(),
  wall: () => Date.now(),
  random: Math.random,
  hidden: () => document.hidden && !onDuty.value,
  duty,
};

// begin asks who is signed in, and starts the feed when somebody is.
export async function begin(words: Promise<void> = Promise.resolve()): Promise<void> {
  // Asked for at once: on a slow network every round trip is a quarter of a second before an alarm is seen.
  const early = api.board();
  early.catch(() => undefined);
  try {
    const who = await api.me();
    await words;
    session.value = { is: 'in', me: who };
    if (who.locale) await use(langOf([who.locale]));
  } catch (err) {
    if (err instanceof Problem && err.signedOut) session.value = { is: 'out' };
    else {
      session.value = { is: 'away' };
      setTimeout(() => void begin(), 2_000);
    }
    return;
  }
  const following = follow();
  // Where it fails the feed asks for itself, and says what is wrong.
  early.then(
    (asked) => following.ahead(asked),
    () => undefined,
  );
}

// use speaks a language, and remembers it on this browser for whoever is asked to sign in next.
async function use(to: Lang): Promise<void> {
  localStorage.setItem('lang', to);
  if (to !== lang.value) await speak(to);
}

// choose is use for the account too: what the server says to this person, here and in its messages, is in one language.
// false when it could not be told.
export async function choose(to: Lang): Promise<boolean> {
  await use(to);
  const who = me.value;
  if (who === null) return true;
  try {
    await api.locale(to);
  } catch (err) {
    say(saidOf(err), true);
    return false;
  }
  session.value = { is: 'in', me: { ...who, locale: to } };
  return true;
}

function follow(): Feed {
  followedAt.value = performance.now();
  unfollow();
  feed = new Feed(world, {
    board(before, after) {
      // Alarms are shown at once. News of people may wait a moment when there are many of them.
      if (before.alarms !== after.alarms || after.workers.size < manyPeople) show(after);
      else showing ??= setTimeout(() => show(feed?.board ?? after), manyPauseMs);
      // The first snapshot rings too: whoever opens the page must hear what is open.
      const ringing = rung(before, after);
      if (ringing.length > 0) announce(ringing);
    },
    changed(m, f) {
      mode.value = m;
      facts.value = f;
      tick();
    },
    signedOut() {
      leave();
    },
  });
  const self = feed;
  beating = setInterval(() => self.beat(), 250);
  self.beat();
  void learnNames();
  import('../more/proof.ts').then(
    (m) => m.watch(),
    () => undefined,
  );
  return self;
}

const manyPeople = 300;
const manyPauseMs = 1_000;
let showing: ReturnType<typeof setTimeout> | null = null;

function show(next: Board): void {
  if (showing !== null) clearTimeout(showing);
  showing = null;
  board.value = next;
}

function unfollow(): void {
  if (showing !== null) clearTimeout(showing);
  showing = null;

  feed?.stop();
  feed = null;
  if (beating !== null) clearInterval(beating);
  beating = null;
}

function tick(): void {
  const at = feed?.now() ?? null;
  // Half seconds are enough for the eye, and spare the list.
  const shown = at === null ? null : Math.floor(at / 500) * 500;
  if (shown !== now.value) now.value = shown;
  const { truthAt } = facts.value;
  asOf.value = at === null || truthAt === null ? null : at - (performance.now() - truthAt);
}

// Names of teams and zones are no part of the feed. Without them the board still works: it shows ids and coordinates.
async function learnNames(): Promise<void> {
  const [t1, z1] = await Promise.allSettled([api.teams(), api.zones()]);
  if (t1.status === 'fulfilled') teams.value = new Map(t1.value.map((team) => [team.team, team]));
  if (z1.status === 'fulfilled') zones.value = z1.value;
  const failed = [t1, z1].some((r) => r.status === 'rejected');
  setTimeout(() => (feed ? void learnNames() : undefined), failed ? 5_000 : 10 * 60_000);
}

// wake is called when the page is seen again.
export function wake(): void {
  feed?.beat();
}

function announce(ringing: readonly Alarm[]): void {
  const first = inOrder(ringing)[0];
  if (!first) return;
  spoken.value = t('web.announce', {
    kind: word('alarm.kind', first.kind),
    name: first.workerName,
    reference: first.reference,
  });
  ring(first);
}

export async function signIn(email: string, password: string): Promise<string | null> {
  try {
    await api.signIn(email, password);
  } catch (err) {
    return saidOf(err);
  }
  session.value = { is: 'asking' };
  await begin();
  return null;
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut();
  } catch (err) {
    if (!(err instanceof Problem && err.signedOut)) {
      say(saidOf(err), true);
      return;
    }
  }
  leave();
}

function leave(): void {
  unfollow();
  board.value = emptyBoard;
  now.value = null;
  asOf.value = null;
  onDuty.value = false;
  session.value = { is: 'out' };
}

// saidOf is what to tell somebody of err.
export function saidOf(err: unknown): string {
  if (err instanceof Problem) {
    if (err.storeAway) return t('web.error.storeAway');
    return err.detail || err.title || t('web.error.status', { status: err.status });
  }
  return t('web.error.unreached');
}

let noticeTimer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string, bad = false): void {
  clearTimeout(noticeTimer);
  notice.value = { text, bad };
  noticeTimer = setTimeout(() => {
    notice.value = null;
  }, 8_000);
}

// about makes one request about one alarm, shows what became of it, and says whether it was done.
export async function about(id: string, act: () => Promise<Alarm>): Promise<boolean> {
  if (busy.value.has(id)) return false;
  busy.value = new Set([...busy.value, id]);
  try {
    const alarm = await act();
    feed?.learn([{ kind: 'alarm', alarm }]);
    return true;
  } catch (err) {
    if (err instanceof Problem && err.storeAway) feed?.storeAway();
    if (err instanceof Problem && err.signedOut) leave();
    else say(saidOf(err), true);
    return false;
  } finally {
    busy.value = new Set([...busy.value].filter((x) => x !== id));
  }
}

export async function take(alarm: Alarm): Promise<void> {
  if (!canChange.value || alarm.state === 'taken') return;
  if (await about(alarm.id, () => api.take(alarm.id))) {
    say(t('web.took', { reference: alarm.reference }));
  }
}

export async function seen(alarm: Alarm): Promise<void> {
  if (await about(alarm.id, () => api.seen(alarm.id))) say(t('web.resolvedDone', { reference: alarm.reference }));
}

export async function resolve(alarm: Alarm, reason: string, note: string): Promise<boolean> {
  if (!canChange.value) return false;
  const done = await about(alarm.id, () => api.resolve(alarm.id, reason, note));
  if (done) {
    say(t('web.resolvedDone', { reference: alarm.reference }));
    if (route.value.page === 'alarm' && route.value.id === alarm.id) go('#/');
  }
  return done;
}

// asOfText says when what is shown was last true, and how long ago that is.
export function asOfText(): string {
  const at = asOf.value;
  if (at === null || now.value === null) return t('web.asOf.never');
  return t('web.asOf', { clock: clock(at), span: span(now.value - at) });
}
