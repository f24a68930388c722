// What became of the alarms of a month: the figures, and the alarms one by one.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.ts';
import { flag, integer, list, number, object, text } from '../../api/decode.ts';
import { alarm as alarmShape } from '../../api/feed.ts';
import { span } from '../../text/format.ts';
import { t, word } from '../../text/text.ts';
import { Glyph } from '../../ui/icons.tsx';
import { alarmHref, go, moreHref } from '../../ui/route.ts';
import { now, teamName } from '../../ui/state.ts';
import { useGet } from '../form.tsx';
import type { PageProps } from '../index.tsx';
import { dateOf } from './insoles.tsx';

// monthBefore is the month by months before that of "2026-11"; below 0 after it.
export function monthBefore(month: string, by: number): string {
  const [y = 0, m = 1] = month.split('-').map(Number);
  const at = new Date(Date.UTC(y, m - 1 - by, 1));
  return `${at.getUTCFullYear()}-${String(at.getUTCMonth() + 1).padStart(2, '0')}`;
}

export function monthOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 7);
}

function Month(p: { page: string; rest: string; children: (month: string) => ComponentChildren }) {
  const present = monthOf(now.value ?? Date.now());
  const month = /^\d{4}-(0[1-9]|1[0-2])$/.test(p.rest) ? p.rest : present;
  const name = new Intl.DateTimeFormat(document.documentElement.lang, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  const [y = 0, m = 1] = month.split('-').map(Number);
  const turn = (by: number) => go(moreHref(p.page, monthBefore(month, by)));
  return (
    <>
      <div class="month">
        <button type="button" class="plain" onClick={() => turn(1)}>
          <span aria-hidden="true">←</span>
          <span class="unseen">{t('more.month.before')}</span>
        </button>
        <h3 aria-live="polite">{name.format(Date.UTC(y, m - 1, 1))}</h3>
        <button type="button" class="plain" disabled={month >= present} onClick={() => turn(-1)}>
          <span aria-hidden="true">→</span>
          <span class="unseen">{t('more.month.after')}</span>
        </button>
      </div>
      {p.children(month)}
    </>
  );
}

const past = object({ alarms: list(alarmShape) }, { unread: integer });

export function Past(p: PageProps) {
  return (
    <Month page="past" rest={p.rest}>
      {(month) => <PastMonth key={month} month={month} />}
    </Month>
  );
}

const shownMost = 300;

function PastMonth(p: { month: string }) {
  const { value, problem } = useGet(async () => (await ask('GET', `/api/reports/${p.month}/alarms`, past)).value, []);
  const [kind, setKind] = useState('');
  if (value === null) return <p role="status">{problem ?? t('web.loading')}</p>;
  const kinds = [...new Set(value.alarms.map((a) => a.kind))];
  const found = value.alarms.filter((a) => kind === '' || a.kind === kind);
  return (
    <>
      {kinds.length > 1 && (
        <label class="field narrow">
          <span>{t('more.past.kind')}</span>
          <select value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
            <option value="">{t('more.past.every')}</option>
            {kinds.map((k) => (
              <option key={k} value={k}>
                {word('alarm.kind', k)}
              </option>
            ))}
          </select>
        </label>
      )}
      {found.length === 0 && <p class="sub">{t('more.past.none')}</p>}
      <ul class="things">
        {found.slice(0, shownMost).map((a) => (
          <li key={a.id}>
            <a href={alarmHref(a.id)}>
              <strong>
                {word('alarm.kind', a.kind)} · {a.workerName}
              </strong>
              <span class="sub">
                <span class="figures">{dateOf(a.raisedAtMs)}</span>
                {a.endedAtMs !== undefined && (
                  <span>{t('more.past.lasted', { span: span(a.endedAtMs - a.raisedAtMs) })}</span>
                )}
                <span>
                  {a.state === 'cancelled' ? t('web.alarm.wasCancelled') : word('web.reason', a.reason ?? 'other')}
                </span>
                {a.ownerName && <span>{a.ownerName}</span>}
                <span>{teamName(a.team)}</span>
                <span class="figures">{a.reference}</span>
                {a.drill && <span class="tag">{t('web.alarm.drill')}</span>}
              </span>
            </a>
            <a class="aside" href={moreHref('why', `${encodeURIComponent(a.worker)}/${a.raisedAtMs}`)}>
              {t('web.panel.why')}
              <span class="unseen"> {a.reference}</span>
            </a>
          </li>
        ))}
      </ul>
      {found.length > shownMost && <p class="sub">{t('more.past.rest', { n: found.length - shownMost })}</p>}
      {value.unread !== undefined && value.unread > 0 && (
        <p class="sub">{t('more.past.unread', { n: value.unread })}</p>
      )}
    </>
  );
}

const times = object({ n: integer }, { p50S: number, p95S: number });
const line = {
  ended: integer,
  reasons: object({ real: integer, false: integer, test: integer, drill: integer, other: integer, cancelled: integer }),
  exercises: integer,
  needed: integer,
  page: times,
  take: times,
  within: integer,
  goalS: integer,
};
const report = object(
  {
    partial: flag,
    all: object(line, { falseRate: number }),
    alarms: list(object({ kind: text, ...line }, { falseRate: number })),
    standing: list(object({ alarm: text, reference: text, kind: text, state: text, workerName: text, ageS: integer })),
  },
  { unread: integer },
);

export function Health(p: PageProps) {
  return (
    <Month page="health" rest={p.rest}>
      {(month) => <HealthMonth key={month} month={month} />}
    </Month>
  );
}

// seconds is a measured span as a person compares it: "8.2 s", and from ten minutes on in minutes.
function seconds(s: number | undefined): string {
  if (s === undefined) return '–';
  if (s >= 600) return span(s * 1000);
  return t('web.span.s', {
    s: new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: s < 100 ? 1 : 0 }).format(s),
  });
}

function percent(share: number | undefined): string {
  return share === undefined
    ? '–'
    : new Intl.NumberFormat(document.documentElement.lang, { style: 'percent', maximumFractionDigits: 0 }).format(
        share,
      );
}

function HealthMonth(p: { month: string }) {
  const { value, problem } = useGet(async () => (await ask('GET', `/api/reports/${p.month}`, report)).value, []);
  if (value === null) return <p role="status">{problem ?? t('web.loading')}</p>;
  const { all } = value;
  const late = all.take.p95S !== undefined && all.take.p95S > all.goalS;
  const rows = [
    ...value.alarms.map((a) => ({ ...a, name: word('alarm.kind', a.kind) })),
    { ...all, name: t('more.health.all') },
  ];
  return (
    <>
      {value.partial && <p class="sub">{t('more.health.partial')}</p>}
      <dl class="figures-row">
        <div>
          <dt>{t('more.health.needed')}</dt>
          <dd>{all.needed}</dd>
        </div>
        <div>
          <dt>{t('more.health.page')}</dt>
          <dd>
            {seconds(all.page.p50S)} <small>{t('more.health.p95', { s: seconds(all.page.p95S) })}</small>
          </dd>
        </div>
        <div class={late ? 'late' : ''}>
          <dt>{t('more.health.take', { s: all.goalS })}</dt>
          <dd>
            {seconds(all.take.p50S)} <small>{t('more.health.p95', { s: seconds(all.take.p95S) })}</small>
          </dd>
        </div>
        <div>
          <dt>{t('more.health.within', { s: all.goalS })}</dt>
          <dd>{all.needed === 0 ? '–' : t('more.health.of', { n: all.within, all: all.needed })}</dd>
        </div>
        <div>
          <dt>{t('more.health.falseRate')}</dt>
          <dd>{percent(all.falseRate)}</dd>
        </div>
      </dl>
      {late && <p class="wrong">{t('more.health.tooLate', { s: all.goalS, p95: seconds(all.take.p95S) })}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard */}
      <section class="form-table" tabIndex={0} aria-label={t('more.health.byKind')}>
        <table>
          <caption class="unseen">{t('more.health.byKind')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('more.past.kind')}</th>
              <th scope="col">{t('more.health.ended')}</th>
              <th scope="col">{word('web.reason', 'real')}</th>
              <th scope="col">{word('web.reason', 'false')}</th>
              <th scope="col">{t('more.health.exercises')}</th>
              <th scope="col">{t('more.health.cancelled')}</th>
              <th scope="col">{t('more.health.pageShort')}</th>
              <th scope="col">{t('more.health.takeShort')}</th>
              <th scope="col">{t('more.health.falseShort')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.name}>
                <th scope="row">{r.name}</th>
                <td>{r.ended}</td>
                <td>{r.reasons.real}</td>
                <td>{r.reasons.false}</td>
                <td>{r.exercises}</td>
                <td>{r.reasons.cancelled}</td>
                <td>
                  {seconds(r.page.p50S)} / {seconds(r.page.p95S)}
                </td>
                <td>
                  {seconds(r.take.p50S)} / {seconds(r.take.p95S)}
                </td>
                <td>{percent(r.falseRate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <h3>{t('more.health.standing')}</h3>
      {value.standing.length === 0 && <p class="sub">{t('more.health.noStanding')}</p>}
      <ul class="things">
        {value.standing.map((s) => (
          <li key={s.alarm}>
            <a href={alarmHref(s.alarm)}>
              <strong>
                {word('alarm.kind', s.kind)} · {s.workerName}
              </strong>
              <span class="sub">
                <span>{t('more.health.age', { span: span(s.ageS * 1000) })}</span>
                <span class="figures">{s.reference}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
      <div class="form-acts">
        <a class="button plain" href={`/api/reports/${p.month}?format=csv`} download={`solewatch-${p.month}.csv`}>
          {t('more.health.csv')}
        </a>
        <a class="button quiet" href={moreHref('past', p.month)}>
          <Glyph name="list" />
          {t('more.past.title')}
        </a>
      </div>
    </>
  );
}
