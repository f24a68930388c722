// Why was there an alarm at a time, or none: what was decided then, made again now, and what nobody can tell any more. Whoever asks is written down.
import { useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { flag, integer, list, object, text } from '../api/decode.ts';
import { alarm } from '../api/feed.ts';
import { clock } from '../text/format.ts';
import { n, t, word } from '../text/text.ts';
import { alarmHref, go, moreHref, workerHref } from '../ui/route.ts';
import { board, now } from '../ui/state.ts';
import { useGet } from './form.tsx';
import type { PageProps } from './index.tsx';
import './why.css';

const said = object({ code: text, text });
const why = object({
  atMs: integer,
  fromMs: integer,
  toMs: integer,
  alarms: list(object({ alarm, same: flag }, { line: integer, rules: integer })),
  refusals: list(object({ atMs: integer, kind: text, text, same: flag })),
  reports: integer,
  reasons: list(said),
  unknown: list(said),
});

const halfHour = 1_800_000;
const patienceMs = 15_000; // months of alarms are looked through

export default function WhyPage(p: PageProps) {
  const [id = '', given = ''] = p.rest.split('/').map(decodeURIComponent);
  const atMs = /^\d{1,15}$/.test(given) ? Number(given) : null;
  return (
    <div class="why">
      <p>
        <a href={workerHref(id)}>
          <strong>{board.value.workers.get(id)?.name ?? id}</strong>
        </a>
      </p>
      <When key={given} id={id} atMs={atMs ?? now.value ?? Date.now()} />
      {atMs !== null && <Answer key={p.rest} id={id} atMs={atMs} />}
    </div>
  );
}

// local is a time as the form's field has it: the reader's own, to the minute.
export function local(atMs: number): string {
  const d = new Date(atMs);
  return new Date(atMs - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function When(p: { id: string; atMs: number }) {
  const [at, set] = useState(local(p.atMs));
  const open = (ms: number) => go(moreHref('why', `${encodeURIComponent(p.id)}/${ms}`));
  const chosen = new Date(at).getTime();
  return (
    <form
      class="form"
      onSubmit={(e) => {
        e.preventDefault();
        if (Number.isFinite(chosen)) open(chosen);
      }}
    >
      <label class="field narrow">
        <span>{t('more.why.when')}</span>
        <input type="datetime-local" required value={at} onInput={(e) => set(e.currentTarget.value)} />
      </label>
      <div class="acts">
        <button type="submit" class="primary">
          {t('more.why.ask')}
        </button>
        <button type="button" class="quiet" onClick={() => open(p.atMs - halfHour)}>
          {t('more.why.earlier')}
        </button>
        <button type="button" class="quiet" onClick={() => open(p.atMs + halfHour)}>
          {t('more.why.later')}
        </button>
      </div>
    </form>
  );
}

function Answer(p: { id: string; atMs: number }) {
  const { value, problem } = useGet(
    async () =>
      (await ask('GET', `/api/workers/${encodeURIComponent(p.id)}/why?atMs=${p.atMs}`, why, undefined, patienceMs))
        .value,
    [p.id, p.atMs],
  );
  if (value === null) return <p role={problem === null ? 'status' : 'alert'}>{problem ?? t('web.loading')}</p>;
  const again = (same: boolean) => t(same ? 'more.why.same' : 'more.why.other');
  return (
    <div class="why-answer" aria-live="polite">
      <p class="sub figures">
        {t('more.why.between', { from: clock(value.fromMs), to: clock(value.toMs) })} ·{' '}
        {n('more.why.reports', value.reports)}
      </p>
      <h3>{t('more.why.alarms')}</h3>
      {value.alarms.length === 0 && <p>{t('more.why.none')}</p>}
      <ul class="things">
        {value.alarms.map((a) => (
          <li key={a.alarm.id}>
            <a href={alarmHref(a.alarm.id)}>
              <strong>{word('alarm.kind', a.alarm.kind)}</strong>
              <span class="sub">
                <span class="figures">{clock(a.alarm.raisedAtMs)}</span>
                <span class="figures">{a.alarm.reference}</span>
                {a.alarm.drill && <span class="tag">{t('web.alarm.drill')}</span>}
                <span>
                  {a.line === undefined
                    ? t('more.why.ours')
                    : `${t('more.why.line', { line: a.line, rules: a.rules ?? 0 })} · ${again(a.same)}`}
                </span>
              </span>
            </a>
          </li>
        ))}
      </ul>
      <h3>{t('more.why.refused')}</h3>
      {value.refusals.length === 0 && <p>{t('more.why.nothing')}</p>}
      <ul>
        {value.refusals.map((r) => (
          <li key={`${r.atMs} ${r.kind}`}>
            <span class="figures">{clock(r.atMs)}</span> {word('alarm.kind', r.kind)}: {r.text} {again(r.same)}
          </li>
        ))}
      </ul>
      {value.reasons.length > 0 && <h3>{t('more.why.against')}</h3>}
      <ul>
        {value.reasons.map((r) => (
          <li key={r.code}>{r.text}</li>
        ))}
      </ul>
      {value.unknown.length > 0 && <h3>{t('more.why.unknown')}</h3>}
      <ul>
        {value.unknown.map((r) => (
          <li key={r.code}>{r.text}</li>
        ))}
      </ul>
    </div>
  );
}
