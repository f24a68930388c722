// Every part of Solewatch, and how it is: what a supervisor believes when the page says that all is well.
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { type Decoder, integer, list, object, oneOfOr, text } from '../api/decode.ts';
import { mayChange } from '../state/mode.ts';
import { ago, clock, span } from '../text/format.ts';
import { has, lang, n, t } from '../text/text.ts';
import { CalmIcon, PriorityIcon, UnknownIcon } from '../ui/icons.tsx';
import { me, mode, now, saidOf, say, teams } from '../ui/state.ts';
import { SelectField, useGet } from './form.tsx';
import { type Canary, canary as canaryFields } from './proof.ts';
import './status.css';

type State = 'ok' | 'late' | 'away' | 'unknown';

interface Instance {
  readonly name: string;
  readonly version: string;
  readonly sinceMs: number;
  readonly heardMs: number;
  readonly connections: number;
}

interface Queue {
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
}

interface Part {
  readonly part: string;
  readonly needs: readonly string[];
  readonly state: State;
  readonly sinceMs: number;
  readonly heardMs: number;
  readonly why?: string;
  readonly version?: string;
  readonly instances?: readonly Instance[];
  readonly queue?: Queue;
}

interface Run {
  readonly atMs: number;
  readonly pageMs: number;
  readonly why?: string;
}

interface Day extends Canary {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly runs: readonly Run[];
}

interface Turn {
  readonly part: string;
  readonly atMs: number;
  readonly from: State;
  readonly to: State;
  readonly why?: string;
}

interface Audit {
  readonly atMs: number;
  readonly open: number;
  readonly overdue: number;
  readonly without: number;
}

interface Parts {
  readonly nowMs: number;
  readonly operators: string;
  readonly parts: readonly Part[];
  readonly history: readonly Turn[];
  readonly audit?: Audit;
  readonly canary?: Day;
}

const state = oneOfOr<State>(['ok', 'late', 'away', 'unknown'], 'unknown');
const run: Decoder<Run> = object({ atMs: integer, pageMs: integer }, { why: text });
const dayMore = object({ p50Ms: integer, p95Ms: integer, runs: list(run) });
const day: Decoder<Day> = (value, path) => ({ ...canaryFields(value, path), ...dayMore(value, path) });
const parts: Decoder<Parts> = object(
  {
    nowMs: integer,
    operators: text,
    parts: list(
      object<
        Omit<Part, 'why' | 'version' | 'instances' | 'queue'>,
        Pick<Part, 'why' | 'version' | 'instances' | 'queue'>
      >(
        { part: text, needs: list(text), state, sinceMs: integer, heardMs: integer },
        {
          why: text,
          version: text,
          instances: list(
            object({ name: text, version: text, sinceMs: integer, heardMs: integer, connections: integer }),
          ),
          queue: object({ waiting: integer, inFlight: integer, delayed: integer, dead: integer }),
        },
      ),
    ),
    history: list(
      object<Omit<Turn, 'why'>, Pick<Turn, 'why'>>(
        { part: text, atMs: integer, from: state, to: state },
        { why: text },
      ),
    ),
  },
  { audit: object({ atMs: integer, open: integer, overdue: integer, without: integer }), canary: day },
);

const everyMs = 30_000;

// A word of the server's in the reader's language, and the word itself when there is none.
function word(family: 'part' | 'why', value: string): string {
  const key = `more.status.${family}.${value}`;
  return has(key) ? t(key) : value;
}

export default function Status() {
  const { value, problem, again } = useGet(async () => (await ask('GET', '/api/parts', parts)).value, []);
  useEffect(() => {
    const id = setInterval(again, everyMs);
    return () => clearInterval(id);
  }, []);
  const away = mode.value === 'UNAVAILABLE';
  if (value === null) return <p role="status">{away ? t('more.status.away') : (problem ?? t('web.loading'))}</p>;
  const stale = away || problem !== null;
  const bad = value.parts.filter((p) => p.state === 'late' || p.state === 'away');
  const of = new Map(value.parts.map((p) => [p.part, p] as const));
  return (
    <div class="parts" data-stale={stale}>
      <p class="parts-verdict" role="status">
        <StateIcon is={stale ? 'unknown' : bad.length > 0 ? 'away' : 'ok'} />
        <strong>
          {stale
            ? t('more.status.stale', { clock: clock(value.nowMs) })
            : bad.length > 0
              ? n('more.status.bad', bad.length)
              : t('more.status.well')}
        </strong>
      </p>
      <Proof day={value.canary} at={value.nowMs} stale={stale} />
      {value.audit && (
        <p>
          {t('more.status.audit', { ago: ago(value.nowMs - value.audit.atMs) })}{' '}
          {n('more.status.open', value.audit.open)}{' '}
          {value.audit.overdue + value.audit.without === 0
            ? t('more.status.onTime')
            : n('more.status.overdue', value.audit.overdue + value.audit.without)}
        </p>
      )}
      <h3>{t('more.status.parts')}</h3>
      <ul class="part-list">
        {value.parts.map((p) => (
          <Line key={p.part} part={p} of={of} at={value.nowMs} stale={stale} />
        ))}
      </ul>
      <Operators team={value.operators} again={again} />
      <h3>{t('more.status.history')}</h3>
      {value.history.length === 0 ? (
        <p class="sub">{t('more.status.noHistory')}</p>
      ) : (
        <ul class="part-turns">
          {value.history.map((h) => (
            <li key={`${h.atMs} ${h.part}`}>
              <StateIcon is={h.to} />
              <span>
                {new Date(h.atMs).toLocaleDateString(lang.value)} {clock(h.atMs)}
              </span>
              <span>
                {word('part', h.part)}: {t(`more.status.is.${h.to}`)}
                {h.why !== undefined && ` · ${word('why', h.why)}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

// Shape, word and colour: circle, diamond, octagon, question.
function StateIcon(p: { is: State }) {
  switch (p.is) {
    case 'ok':
      return <CalmIcon size={20} />;
    case 'late':
      return <PriorityIcon priority={3} size={20} />;
    case 'away':
      return <PriorityIcon priority={1} size={20} />;
    case 'unknown':
      return <UnknownIcon size={20} />;
  }
}

function Line(p: { part: Part; of: ReadonlyMap<string, Part>; at: number; stale: boolean }) {
  const { part, at } = p;
  const is = p.stale ? 'unknown' : part.state;
  return (
    <li class="part" data-part={part.part} data-state={is}>
      <p class="part-head">
        <StateIcon is={is} />
        <strong>{word('part', part.part)}</strong>
        <span>{t(`more.status.is.${is}`)}</span>
        {!p.stale && part.sinceMs > 0 && <span>{t('more.status.since', { span: span(at - part.sinceMs) })}</span>}
        {!p.stale && part.why !== undefined && <span>{word('why', part.why)}</span>}
      </p>
      <p class="sub">
        {[
          ...(part.heardMs > 0 ? [t('more.status.heard', { ago: ago(at - part.heardMs) })] : []),
          ...(part.version !== undefined && part.version !== ''
            ? [t('more.status.version', { version: part.version })]
            : []),
          ...(part.queue
            ? [
                n('more.status.waiting', part.queue.waiting + part.queue.inFlight + part.queue.delayed),
                n('more.status.dead', part.queue.dead),
              ]
            : []),
        ].join(' · ')}
      </p>
      {(part.instances ?? []).map((i) => (
        <p class="sub" key={i.name}>
          {i.name} · {t('more.status.version', { version: i.version })} ·{' '}
          {t('more.status.runs', { span: span(at - i.sinceMs) })} · {n('more.status.connections', i.connections)} ·{' '}
          {t('more.status.heard', { ago: ago(at - i.heardMs) })}
        </p>
      ))}
      {part.needs.length > 0 && (
        <ul class="part-needs" aria-label={t('more.status.needs', { part: word('part', part.part) })}>
          {part.needs.map((need) => {
            const its = p.stale ? 'unknown' : (p.of.get(need)?.state ?? 'unknown');
            return (
              <li key={need}>
                <StateIcon is={its} />
                {word('part', need)}
                <span class="gone">{t(`more.status.is.${its}`)}</span>
              </li>
            );
          })}
        </ul>
      )}
    </li>
  );
}

// What the canary proves: that a call for help became a page, and how long that took.
function Proof(p: { day: Day | undefined; at: number; stale: boolean }) {
  const d = p.day;
  if (!d) return <p>{t('more.status.noCanary')}</p>;
  const seconds = (ms: number): string => (ms / 1000).toLocaleString(lang.value, { maximumFractionDigits: 1 });
  const at = now.value ?? p.at;
  return (
    <section class="proof">
      <h3>{t('more.status.canary')}</h3>
      <p>
        {d.late || p.stale
          ? t('more.status.unproved', { ago: ago(at - d.lastAtMs) })
          : t('more.status.proved', { ago: ago(at - d.lastAtMs), s: seconds(d.pageMs) })}
      </p>
      {d.runs.length > 0 && (
        <>
          <Spark runs={d.runs} />
          <p class="sub">
            {t('more.status.day', { p50: seconds(d.p50Ms), p95: seconds(d.p95Ms) })}{' '}
            {n('more.status.failed', d.runs.filter((r) => r.pageMs === 0 || r.why !== undefined).length)}
          </p>
        </>
      )}
    </section>
  );
}

const [width, height] = [600, 60];

// Each call of the day: a dot as high as its page took, a cross for one that was not paged. The figures are below it in words.
function Spark(p: { runs: readonly Run[] }) {
  const first = p.runs[0]?.atMs ?? 0;
  const spanMs = Math.max((p.runs.at(-1)?.atMs ?? 0) - first, 1);
  const most = Math.max(...p.runs.map((r) => r.pageMs), 1_000);
  const x = (r: Run): number => 6 + ((r.atMs - first) / spanMs) * (width - 12);
  const y = (r: Run): number => height - 6 - (r.pageMs / most) * (height - 12);
  const paged = p.runs.filter((r) => r.pageMs > 0);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={t('more.status.spark')}
    >
      <path d={`M0 ${height - 5.5}H${width}`} stroke="var(--line-2)" />
      <polyline
        points={paged.map((r) => `${x(r).toFixed(1)},${y(r).toFixed(1)}`).join(' ')}
        fill="none"
        stroke="var(--accent)"
        stroke-width="2"
      />
      {p.runs
        .filter((r) => r.pageMs === 0)
        .map((r) => (
          <path
            key={r.atMs}
            d={`M${(x(r) - 4).toFixed(1)} ${height / 2 - 4}l8 8m0 -8l-8 8`}
            stroke="var(--danger-text)"
            stroke-width="2.5"
          />
        ))}
    </svg>
  );
}

function Operators(p: { team: string; again: () => void }) {
  const [waiting, setWaiting] = useState(false);
  const name = p.team === '' ? t('more.status.nobody') : (teams.value.get(p.team)?.name ?? p.team);
  async function choose(team: string): Promise<void> {
    setWaiting(true);
    try {
      await ask('PUT', '/api/operators', () => null, { team });
      p.again();
    } catch (err) {
      say(saidOf(err), true);
    } finally {
      setWaiting(false);
    }
  }
  return (
    <>
      <h3>{t('more.status.operators')}</h3>
      {me.value?.role === 'admin' && mayChange(mode.value) && !waiting ? (
        <SelectField
          at="operators"
          label={t('more.status.told')}
          faults={[]}
          value={p.team}
          options={[['', t('more.status.nobody')], ...[...teams.value.values()].map((x) => [x.team, x.name] as const)]}
          onInput={(team) => void choose(team)}
        />
      ) : (
        <p>
          {t('more.status.told')} {name}
        </p>
      )}
    </>
  );
}
