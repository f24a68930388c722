// An incident played again: what the insoles said, who was asked, and what people did, on one timeline. Whoever opens it is written down.
import { useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { accuracy, ago, clock, coordinates, span } from '../text/format.ts';
import { t, word } from '../text/text.ts';
import { Locator } from '../ui/graph.tsx';
import { alarmHref, go, moreHref } from '../ui/route.ts';
import { board, saidOf } from '../ui/state.ts';
import type { PageProps } from './index.tsx';
import { apply, begin, type Dossier, dossier, type Moment, moments, stood } from './replay-state.ts';
import './replay.css';

const most = 4; // others beside the worker
const patienceMs = 20_000; // hours of positions are more than one answer is usually given

export default function ReplayPage(p: PageProps) {
  const [id = '', others = ''] = p.rest.split('/').map(decodeURIComponent);
  const beside = others.split(',').filter((w) => w !== '');
  const [got, setGot] = useState<Dossier | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let left = false;
    setGot(null);
    setProblem(null);
    const query = beside.map((w, i) => `${i === 0 ? '?' : '&'}with=${encodeURIComponent(w)}`).join('');
    ask('GET', `/api/alarms/${encodeURIComponent(id)}/dossier${query}`, dossier, undefined, patienceMs).then(
      ({ value }) => left || setGot(value),
      (err: unknown) => left || setProblem(saidOf(err)),
    );
    return () => {
      left = true;
    };
  }, [id, others]);
  if (problem !== null) return <p role="alert">{problem}</p>;
  if (got === null) return <p role="status">{t('web.loading')}</p>;
  return <Player key={`${id}/${others}`} d={got} id={id} beside={beside} />;
}

function Player(p: { d: Dossier; id: string; beside: readonly string[] }) {
  const { d } = p;
  const [r, act] = useReducer(apply, d, begin);
  const list = useMemo(() => moments(d), [d]);
  const second = Math.floor(r.atMs / 1000) * 1000;
  const now = useMemo(() => stood(d, r.atMs), [d, second, r.playing ? 0 : r.atMs]);

  useEffect(() => {
    if (!r.playing) return;
    let last = performance.now();
    const timer = setInterval(() => {
      const at = performance.now();
      act({ do: 'tick', elapsedMs: at - last });
      last = at;
    }, 100);
    return () => clearInterval(timer);
  }, [r.playing]);

  useEffect(() => {
    const keys: Readonly<Record<string, Parameters<typeof act>[0]['do']>> = {
      ' ': 'toggle',
      ArrowRight: 'next',
      ArrowLeft: 'previous',
      '+': 'faster',
      '=': 'faster',
      '-': 'slower',
    };
    function press(e: KeyboardEvent): void {
      const what = keys[e.key];
      const on = e.target as HTMLElement | null;
      if (what === undefined || what === 'tick' || what === 'seek' || e.ctrlKey || e.metaKey || e.altKey) return;
      if (on?.matches('select, textarea, input:not([type=range])')) return;
      if (e.key === ' ' && on?.matches('button, a, summary')) return; // it presses what has the focus
      e.preventDefault();
      e.stopPropagation();
      act({ do: what });
    }
    addEventListener('keydown', press, true);
    return () => removeEventListener('keydown', press, true);
  }, []);

  const nearby = [...board.value.workers.values()]
    .filter((w) => w.worker !== d.alarm.worker && !p.beside.includes(w.worker))
    .sort((a, b) => a.name.localeCompare(b.name));
  const at = list.findLastIndex((m) => m.atMs <= r.atMs);
  const json = `/api/alarms/${encodeURIComponent(p.id)}/dossier`;
  return (
    <div class="replay">
      <p>
        <strong>{`${word('alarm.kind', d.alarm.kind)} · ${d.alarm.workerName}`}</strong> ·{' '}
        <a href={alarmHref(p.id)}>{d.alarm.reference}</a> ·{' '}
        <a href={`${json}?format=html`} target="_blank" rel="noreferrer">
          {t('more.replay.print')}
        </a>{' '}
        ·{' '}
        <a href={json} download>
          {t('more.replay.json')}
        </a>
      </p>
      <fieldset class="replay-controls" aria-label={t('more.replay.controls')}>
        <button type="button" class="primary" aria-keyshortcuts="Space" onClick={() => act({ do: 'toggle' })}>
          {t(r.playing ? 'more.replay.pause' : 'more.replay.play')}
        </button>
        <button type="button" class="quiet" aria-keyshortcuts="ArrowLeft" onClick={() => act({ do: 'previous' })}>
          {t('more.replay.previous')}
        </button>
        <button type="button" class="quiet" aria-keyshortcuts="ArrowRight" onClick={() => act({ do: 'next' })}>
          {t('more.replay.next')}
        </button>
        <button
          type="button"
          class="quiet"
          aria-keyshortcuts="-"
          aria-label={t('more.replay.slower')}
          onClick={() => act({ do: 'slower' })}
        >
          −
        </button>
        <output class="figures">{t('more.replay.speed', { n: r.speed })}</output>
        <button
          type="button"
          class="quiet"
          aria-keyshortcuts="+"
          aria-label={t('more.replay.faster')}
          onClick={() => act({ do: 'faster' })}
        >
          +
        </button>
      </fieldset>
      <label class="replay-time">
        <span class="figures">{clock(r.atMs)}</span>
        <input
          type="range"
          min={r.fromMs}
          max={r.toMs}
          step={1000}
          value={r.atMs}
          aria-label={t('more.replay.time')}
          aria-valuetext={clock(r.atMs)}
          onInput={(e) => act({ do: 'seek', atMs: Number(e.currentTarget.value) })}
        />
      </label>
      <p class={`replay-state ${now.state}`}>
        <strong>
          {now.state === 'taken' ? t('more.replay.takenBy', { name: now.owner }) : t(`more.replay.${now.state}`)}
        </strong>
      </p>
      <div class="replay-people">
        {now.people.map(({ person, last, way }) => {
          const fix = way.at(-1);
          return (
            <section key={person.worker} aria-label={person.name}>
              <h3>{person.name}</h3>
              {fix?.lat === undefined || fix.lon === undefined ? (
                <p>{t('more.replay.unknown')}</p>
              ) : (
                <>
                  <p class="figures">
                    {`${coordinates({ lat: fix.lat, lon: fix.lon })} · ${accuracy(fix.accuracyM)} · ${ago(r.atMs - fix.atMs)}`}
                    {last?.batteryPercent !== undefined &&
                      ` · ${t('more.replay.battery', { percent: last.batteryPercent })}`}
                  </p>
                  <Locator positions={way.map((w) => ({ atMs: w.atMs, lat: w.lat ?? 0, lon: w.lon ?? 0 }))} />
                </>
              )}
            </section>
          );
        })}
      </div>
      <p class="sub">{t('more.replay.noMap')}</p>
      {nearby.length > 0 && p.beside.length < most && (
        <label class="field">
          <span>{t('more.replay.beside')}</span>
          <select
            value=""
            onChange={(e) => {
              const w = e.currentTarget.value;
              if (w !== '')
                go(moreHref('replay', `${encodeURIComponent(p.id)}/${encodeURIComponent([...p.beside, w].join(','))}`));
            }}
          >
            <option value="">{t('more.replay.choose')}</option>
            {nearby.map((w) => (
              <option key={w.worker} value={w.worker}>
                {w.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <h3>{t('more.replay.moments')}</h3>
      <ol class="replay-log">
        {list.map((m, i) => (
          <li key={i} class={i > at ? 'later' : ''}>
            <button
              type="button"
              class="quiet"
              aria-current={i === at ? 'time' : undefined}
              onClick={() => act({ do: 'seek', atMs: m.atMs })}
            >
              <time class="figures">{clock(m.atMs)}</time> <span>{saying(m)}</span>
            </button>
          </li>
        ))}
      </ol>
      <p class="sub">{t('more.replay.keys', { span: span(r.toMs - r.fromMs) })}</p>
    </div>
  );
}

function saying(m: Moment): string {
  switch (m.of) {
    case 'log': {
      const by = m.line.name !== '' ? m.line.name : m.line.who === 'wearer' ? word('web.who', 'wearer') : '';
      return [word('web.log', m.line.what), by].filter((s) => s !== '').join(' · ');
    }
    case 'page':
      return [m.page.name || m.page.contact, word('web.channel', m.page.channel), word('web.page', m.became)].join(
        ' · ',
      );
    case 'report':
      return t('more.replay.report', { name: m.person.name, kind: word('alarm.kind', m.kind) });
    default:
      return m satisfies never;
  }
}
