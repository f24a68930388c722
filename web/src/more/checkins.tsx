// Check-ins: who is to say next that all is well, and of one worker what is asked of them. The list is everything; the
// panel of a worker shows Asked, which is fetched with this page's words.
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { type Decoder, flag, integer, list, object, text } from '../api/decode.ts';
import { others } from '../api/feed.ts';
import { ago, clock, span } from '../text/format.ts';
import { t, word } from '../text/text.ts';
import { workerHref } from '../ui/route.ts';
import { board, canChange, maySteer, now, saidOf, say, teamName } from '../ui/state.ts';
import { useGet } from './form.tsx';

interface CheckIn {
  readonly worker: string;
  readonly dueAtMs?: number;
  readonly lastAtMs?: number;
  readonly lastHow?: string;
  readonly lastName?: string;
  readonly missedAtMs?: number;
  readonly shiftSinceMs?: number;
  readonly activityEndsMs?: number;
  readonly overdue?: boolean;
  readonly version: number;
}

interface Told extends CheckIn {
  readonly onShift: boolean;
  readonly shiftBy?: string;
  readonly everyS?: number;
  readonly task?: { readonly endsAtMs: number; readonly note?: string; readonly by?: string };
  readonly activity?: { readonly endsAtMs: number; readonly note?: string; readonly by?: string };
  readonly log: readonly {
    readonly atMs: number;
    readonly what: string;
    readonly how?: string;
    readonly who?: string;
    readonly detail?: string;
  }[];
}

const must = { worker: text, version: integer };
const may = {
  dueAtMs: integer,
  lastAtMs: integer,
  lastHow: text,
  lastName: text,
  missedAtMs: integer,
  shiftSinceMs: integer,
  activityEndsMs: integer,
  overdue: flag,
};
const checkIn: Decoder<CheckIn> = object(must, may);
const timed = object({ endsAtMs: integer }, { note: text, by: text });
const told: Decoder<Told> = object(
  {
    ...must,
    onShift: flag,
    log: list(object({ atMs: integer, what: text }, { how: text, who: text, detail: text })),
  },
  { ...may, shiftBy: text, everyS: integer, task: timed, activity: timed },
);
const change = object({ kind: text }, { checkIn });

const path = (worker: string, part: string) => `/api/workers/${encodeURIComponent(worker)}/${part}`;

// useChanges hears what the live feed says of check-ins while the page is open.
function useChanges(hear: (c: CheckIn) => void): void {
  useEffect(() => {
    const one = (value: unknown) => {
      const c = change(value, '');
      if (c.kind === 'checkin' && c.checkIn) hear(c.checkIn);
    };
    others.add(one);
    return () => void others.delete(one);
  }, [hear]);
}

// next is when something is to be heard of the worker; never is last.
const next = (c: CheckIn) =>
  Math.min(c.dueAtMs ?? Number.POSITIVE_INFINITY, c.activityEndsMs ?? Number.POSITIVE_INFINITY);

function When(p: { at: number | undefined }) {
  const at = now.value ?? 0;
  if (p.at === undefined) return <span>–</span>;
  return (
    <span class="figures">
      {p.at > at
        ? t('more.check.in', { span: span(p.at - at), clock: clock(p.at) })
        : t('more.check.late', { span: span(at - p.at), clock: clock(p.at) })}
    </span>
  );
}

export default function CheckIns() {
  const all = useGet(
    async () => (await ask('GET', '/api/checkins', object({ checkIns: list(checkIn) }))).value.checkIns,
    [],
  );
  const [news, setNews] = useState<ReadonlyMap<string, CheckIn>>(new Map());
  const [hear] = useState(() => (c: CheckIn) => setNews((was) => new Map(was).set(c.worker, c)));
  useChanges(hear);
  if (all.value === null) return <p role="status">{all.problem ?? t('web.loading')}</p>;
  const byWorker = new Map(all.value.map((c) => [c.worker, c]));
  for (const c of news.values()) if (c.version > (byWorker.get(c.worker)?.version ?? 0)) byWorker.set(c.worker, c);
  const rows = [...byWorker.values()]
    .filter((c) => next(c) < Number.POSITIVE_INFINITY || c.missedAtMs !== undefined)
    .sort((a, b) => next(a) - next(b));
  const at = now.value ?? 0;
  return (
    <>
      <p class="sub">{t('more.check.says')}</p>
      {all.problem !== null && <p role="alert">{all.problem}</p>}
      {rows.length === 0 && <p class="empty">{t('more.check.nobody')}</p>}
      {rows.length > 0 && (
        <ul class="log checks">
          {rows.map((c) => {
            const w = board.value.workers.get(c.worker);
            return (
              <li key={c.worker}>
                <span>
                  <a href={workerHref(c.worker)}>{w?.name ?? c.worker}</a>
                  {w && w.team !== '' && <span class="sub"> {teamName(w.team)}</span>}
                </span>
                <span>
                  {c.dueAtMs !== undefined && (
                    <>
                      {t('more.check.next')} <When at={c.dueAtMs} />
                    </>
                  )}
                  {c.missedAtMs !== undefined && (
                    <strong> {t('more.check.missed', { clock: clock(c.missedAtMs) })}</strong>
                  )}
                  {c.activityEndsMs !== undefined && (
                    <>
                      {' '}
                      {t('more.check.activityEnds')} <When at={c.activityEndsMs} />
                    </>
                  )}
                  <span class="sub">
                    {' '}
                    {c.lastAtMs === undefined
                      ? t('more.check.never')
                      : t('more.check.last', { ago: ago(at - c.lastAtMs) })}
                  </span>
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}

// Asked is the part of a worker's panel.
export function Asked(p: { worker: string }) {
  const [turn, setTurn] = useState(0);
  const [hear] = useState(() => (c: CheckIn) => {
    if (c.worker === p.worker) setTurn((n) => n + 1);
  });
  useChanges(hear);
  const [mine, setMine] = useState<Told | null>(null);
  const read = useGet(async () => (await ask('GET', path(p.worker, 'checkin'), told)).value, [p.worker, turn]);
  const [waiting, setWaiting] = useState(false);
  const [note, setNote] = useState('');
  const [minutes, setMinutes] = useState('30');
  const c = mine !== null && (read.value === null || mine.version >= read.value.version) ? mine : read.value;
  if (c === null) return read.problem === null ? null : <p class="sub">{read.problem}</p>;
  const act = (method: string, part: string, body?: object) => async () => {
    if (waiting || !canChange.value) return;
    setWaiting(true);
    try {
      setMine((await ask(method, path(p.worker, part), told, body)).value);
      setNote('');
      say(t('more.check.done'));
    } catch (err) {
      say(saidOf(err), true);
    } finally {
      setWaiting(false);
    }
  };
  const off = waiting || !canChange.value;
  const n = Number(minutes);
  const bad = !(n >= 1 && n <= 1440);
  const button = (label: string, run: () => Promise<void>, disabled = off) => (
    <button type="button" class="plain" disabled={disabled} onClick={() => void run()}>
      {label}
    </button>
  );
  return (
    <section class="checks">
      <h3>{t('more.check.title')}</h3>
      <dl class="facts">
        <div>
          <dt>{t('more.check.next')}</dt>
          <dd>
            {c.dueAtMs === undefined ? (
              t(c.everyS || c.task ? 'more.check.offShift' : 'more.check.notAsked')
            ) : (
              <When at={c.dueAtMs} />
            )}
            {c.missedAtMs !== undefined && <strong>{t('more.check.missed', { clock: clock(c.missedAtMs) })}</strong>}
          </dd>
        </div>
        {c.lastAtMs !== undefined && (
          <div>
            <dt>{t('more.check.lastTitle')}</dt>
            <dd>
              <span>{ago((now.value ?? 0) - c.lastAtMs)}</span>
              {c.lastHow && <span>{word('more.is.how', c.lastHow)}</span>}
              {c.lastName && <span>{c.lastName}</span>}
            </dd>
          </div>
        )}
        {c.activity && (
          <div>
            <dt>{t('more.check.activity')}</dt>
            <dd>
              <When at={c.activity.endsAtMs} />
              {c.activity.note && <span>{c.activity.note}</span>}
            </dd>
          </div>
        )}
      </dl>
      {maySteer.value && (
        <>
          <div class="acts">
            {button(t('more.check.spoken'), act('POST', 'checkin', {}))}
            {c.shiftBy !== undefined &&
              button(
                t(c.shiftSinceMs === undefined ? 'more.check.begin' : 'more.check.end'),
                act('POST', 'shift', { on: c.shiftSinceMs === undefined }),
              )}
            {c.activity && button(t('more.check.endActivity'), act('POST', 'activity/end'))}
            {c.task && button(t('more.check.endTask'), act('DELETE', 'task'))}
          </div>
          <details>
            <summary>{t(c.activity ? 'more.check.extend' : 'more.check.announce')}</summary>
            <label class="field">
              <span>{t('more.check.minutes')}</span>
              <input
                type="number"
                min={1}
                max={1440}
                value={minutes}
                onInput={(e) => setMinutes(e.currentTarget.value)}
              />
            </label>
            {!c.activity && (
              <label class="field">
                <span>{t('more.check.note')}</span>
                <textarea rows={2} maxLength={500} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
              </label>
            )}
            {c.activity
              ? button(t('more.check.extend'), act('POST', 'activity/extend', { minutes: n }), off || bad)
              : button(
                  t('more.check.announce'),
                  act('POST', 'activity', { minutes: n, ...(note.trim() === '' ? {} : { note: note.trim() }) }),
                  off || bad,
                )}
          </details>
          <label class="field">
            <span>{t('more.check.every')}</span>
            <select
              value={String(c.everyS ?? 0)}
              disabled={off}
              onChange={(e) => void act('PUT', 'checkin', { everyS: Number(e.currentTarget.value) })()}
            >
              {[...new Set([0, 900, 1800, 3600, 7200, c.everyS ?? 0])]
                .sort((a, b) => a - b)
                .map((s) => (
                  <option key={s} value={String(s)}>
                    {s === 0 ? t('more.check.notAsked') : span(s * 1000)}
                  </option>
                ))}
            </select>
          </label>
          {c.log.length > 0 && (
            <details>
              <summary>{t('more.check.log')}</summary>
              <ol class="log">
                {c.log.map((l, i) => (
                  <li key={i}>
                    <time class="figures">{clock(l.atMs)}</time>
                    <span>
                      {[word('more.is.checked', l.what), l.how ? word('more.is.how', l.how) : '', l.who ?? '']
                        .filter((x) => x !== '')
                        .join(' · ')}
                    </span>
                  </li>
                ))}
              </ol>
            </details>
          )}
        </>
      )}
    </section>
  );
}
