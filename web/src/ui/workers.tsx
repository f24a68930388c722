// The people: search, selection, and a list that draws only the rows in sight, so that 5,000 cost what 20 do.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Live } from '../api/feed.ts';
import { freshness, type Line, type Show } from '../state/people.ts';
import { accuracy, ago, clock, span } from '../text/format.ts';
import { n, t, word } from '../text/text.ts';
import { BatteryIcon, Glyph, StandingIcon } from './icons.tsx';
import { keepFocus } from './moved.ts';
import { workerHref } from './route.ts';
import { board, chosen, cursor, filter, now, people, teamName, teams } from './state.ts';

const rowPx = 60; // as in style.css
const margin = 6; // rows drawn beyond each edge

const shows: readonly Show[] = ['all', 'trouble', 'off'];

export function Workers() {
  const f = filter.value;
  const list = people.value;
  return (
    <section class="people" aria-label={t('web.people.title')}>
      <div class="filters">
        <label class="search">
          <Glyph name="search" />
          <span class="unseen">{t('web.search.label')}</span>
          <input
            id="search"
            type="search"
            value={f.words}
            placeholder={t('web.search.hint')}
            autocomplete="off"
            spellcheck={false}
            onInput={(e) => (filter.value = { ...filter.value, words: e.currentTarget.value })}
          />
        </label>
        <fieldset class="segments">
          <legend class="unseen">{t('web.show.label')}</legend>
          {shows.map((show) => (
            <button
              key={show}
              type="button"
              aria-pressed={f.show === show}
              onClick={() => (filter.value = { ...filter.value, show })}
            >
              {t(`web.show.${show}`)}
            </button>
          ))}
        </fieldset>
        {teams.value.size > 1 && (
          <label class="team">
            <span class="unseen">{t('web.team.label')}</span>
            <select value={f.team} onChange={(e) => (filter.value = { ...filter.value, team: e.currentTarget.value })}>
              <option value="">{t('web.team.all')}</option>
              {[...teams.value.values()].map((team) => (
                <option key={team.team} value={team.team}>
                  {team.name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {list.length === 0 ? (
        <p class="empty">{board.value.workers.size === 0 ? t('web.people.none') : t('web.people.noMatch')}</p>
      ) : (
        <Rows list={list} />
      )}
      <p class="unseen" role="status">
        {f.words === '' ? '' : n('web.bar.people', list.length)}
      </p>
    </section>
  );
}

function Rows(p: { list: readonly Line[] }) {
  const { list } = p;
  const self = useRef<HTMLUListElement>(null);
  const [range, setRange] = useState<readonly [number, number]>([0, 30]);

  useLayoutEffect(() => {
    const ul = self.current;
    const pane = ul?.closest<HTMLElement>('.pane');
    if (!ul || !pane) return undefined;
    const measure = () => {
      const top = pane.getBoundingClientRect().top - ul.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / rowPx) - margin);
      const last = Math.ceil((top + pane.clientHeight) / rowPx) + margin;
      setRange((was) => (was[0] === first && was[1] === last ? was : [first, last]));
    };
    measure();
    pane.addEventListener('scroll', measure, { passive: true });
    const sizes = new ResizeObserver(measure);
    sizes.observe(pane);
    for (const child of pane.children) sizes.observe(child);
    return () => {
      pane.removeEventListener('scroll', measure);
      sizes.disconnect();
    };
  }, []);

  useLayoutEffect(keepFocus, [list]);
  const at = cursor.value === null ? -1 : list.findIndex((l) => l.worker.worker === cursor.value);
  const atId = at < 0 ? null : cursor.value;
  useEffect(() => {
    const ul = self.current;
    const pane = ul?.closest<HTMLElement>('.pane');
    if (atId === null || !ul || !pane) return;
    const y = ul.getBoundingClientRect().top - pane.getBoundingClientRect().top + at * rowPx;
    if (y < 70 || y + rowPx > pane.clientHeight) pane.scrollTop += y - pane.clientHeight / 2;
    requestAnimationFrame(() => document.getElementById(`worker-${atId}`)?.focus({ preventScroll: true }));
  }, [atId]);

  const shown = list.slice(range[0], range[1]);
  return (
    <ul ref={self} class="rows" style={{ height: `${list.length * rowPx}px` }}>
      {shown.map((line, i) => (
        <Row key={line.worker.worker} line={line} index={range[0] + i} of={list.length} />
      ))}
    </ul>
  );
}

function Row(p: { line: Line; index: number; of: number }) {
  const { worker, standing } = p.line;
  const at = now.value ?? 0;
  const { live } = worker;
  const open = chosen.value?.worker === worker.worker;
  return (
    <li style={{ transform: `translateY(${p.index * rowPx}px)` }} aria-setsize={p.of} aria-posinset={p.index + 1}>
      <a
        id={`worker-${worker.worker}`}
        class={`row is-${standing} ${open ? 'chosen' : ''}`}
        href={workerHref(worker.worker)}
        aria-current={open ? 'page' : undefined}
        onClick={() => {
          cursor.value = worker.worker;
        }}
      >
        <StandingIcon standing={standing} fresh={freshness(live?.fixAtMs, at)} />
        <span class="who">
          <span class="name">{worker.name}</span>
          <span class="sub">
            <span class="says">{saysOf(p.line, at)}</span>
            {worker.team !== '' && <span>{teamName(worker.team)}</span>}
            {worker.checkIn?.dueAtMs !== undefined && (
              <span>{t('web.checkIn', { clock: clock(worker.checkIn.dueAtMs) })}</span>
            )}
          </span>
        </span>
        <span class="where figures">{live && <Where live={live} at={at} />}</span>
        <span class="charge figures">
          {live?.batteryPercent !== undefined && (
            <>
              <BatteryIcon percent={live.batteryPercent} charging={live.charging ?? false} />
              <span>{t('web.percent', { n: live.batteryPercent })}</span>
            </>
          )}
        </span>
      </a>
    </li>
  );
}

function Where(p: { live: Live; at: number }) {
  const { live, at } = p;
  if (live.fixAtMs === undefined) return <span>{t('web.noFix')}</span>;
  return (
    <>
      <span class="age">{ago(at - live.fixAtMs)}</span>
      <span class="accuracy">{live.accuracyM === undefined ? t('web.accuracyShort') : accuracy(live.accuracyM)}</span>
    </>
  );
}

// saysOf is how a worker is, in words: the shape beside it says the same.
export function saysOf(line: Line, at: number): string {
  const { live } = line.worker;
  switch (line.standing) {
    case 'alarm':
      return line.alarms.map((a) => word('alarm.kind', a.kind)).join(', ');
    case 'lost':
      return t('web.standing.lost', { span: span(at - (live?.heardAtMs ?? at)) });
    case 'late':
      return t('web.standing.late', { span: span(at - (live?.heardAtMs ?? at)) });
    case 'never':
      return t('web.standing.never');
    case 'off':
      return t('web.standing.off');
    case 'well':
      return live?.charging
        ? t('web.charging')
        : live?.posture
          ? word('web.posture', live.posture)
          : t('web.standing.well');
    default:
      line.standing satisfies never;
      return '';
  }
}
