// One worker: now, the last hour, what was done about the alarm, who is near, who looked.
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type AlarmFile, api, type LogLine, type Look, type Position, type Verdict } from '../api/client.ts';
import type { Alarm, Live, Worker } from '../api/feed.ts';
import { freshness, standing } from '../state/people.ts';
import { distanceM, type Point, towards } from '../state/place.ts';
import { accuracy, ago, coordinates, kmh, metres, place, span, stamp, wind } from '../text/format.ts';
import { speakMore, t, word } from '../text/text.ts';
import { AlarmCard } from './alarms.tsx';
import { Graph, Locator } from './graph.tsx';
import { BatteryIcon, CalmIcon, Glyph, PriorityIcon, StandingIcon } from './icons.tsx';
import { go, moreHref, route, workerHref } from './route.ts';
import {
  board,
  byWorker,
  chosenAlarm,
  maySteer,
  me,
  mode,
  now,
  placeAt,
  saidOf,
  say,
  teamName,
  trail,
} from './state.ts';
import { saysOf } from './workers.tsx';

export function Panel(p: { worker: Worker | null }) {
  const { worker } = p;
  const alarm = chosenAlarm.value;
  const asked = route.value.page === 'alarm' ? route.value.id : null;
  return (
    <aside class="panel" aria-label={worker?.name ?? alarm?.workerName ?? t('web.panel.title')}>
      <button type="button" class="quiet tool panel-close" aria-label={t('web.close')} onClick={() => go('#/')}>
        <Glyph name="close" />
      </button>
      {worker ? (
        <Person key={worker.worker} worker={worker} alarm={asked} />
      ) : (
        <p class="empty">{t(asked !== null ? 'web.panel.noAlarm' : 'web.panel.noWorker')}</p>
      )}
      {!worker && asked !== null && <AlarmPart id={asked} />}
    </aside>
  );
}

const hourMs = 3_600_000;

function Person(p: { worker: Worker; alarm: string | null }) {
  const { worker } = p;
  const { live } = worker;
  const at = now.value ?? 0;
  const open = byWorker.value.get(worker.worker) ?? [];
  const here: Point | null =
    live?.lat !== undefined && live.lon !== undefined ? { lat: live.lat, lon: live.lon } : null;
  const s = standing(worker, open.length > 0, at);
  const where = placeAt(live?.lat, live?.lon);
  return (
    <>
      <header class="person">
        <StandingIcon standing={s} fresh={freshness(live?.fixAtMs, at)} />
        <div>
          <h2>{worker.name}</h2>
          <p class="sub">
            <span>{saysOf({ worker, standing: s, alarms: open }, at)}</span>
            {worker.team !== '' && <span>{teamName(worker.team)}</span>}
          </p>
        </div>
      </header>
      {worker.phone && (
        <a class="button plain wide" href={`tel:${worker.phone}`}>
          <Glyph name="phone" />
          <span>{t('web.call')}</span>
          <span class="figures">{worker.phone}</span>
        </a>
      )}
      {open.map((alarm) => (
        <div key={alarm.id}>
          <AlarmCard alarm={alarm} panel />
          {maySteer.value && <Acts alarm={alarm} />}
        </div>
      ))}
      <section>
        <h3>{t('web.panel.now')}</h3>
        <dl class="facts">
          <Fact name={t('web.alarm.where')}>
            {where === null ? (
              t('web.noFix')
            ) : (
              <>
                <strong>{place(where)}</strong>
                <span>{accuracy(live?.accuracyM)}</span>
                {live?.fixAtMs !== undefined && <span>{ago(at - live.fixAtMs)}</span>}
              </>
            )}
          </Fact>
          {here && (
            <Fact name={t('web.panel.coordinates')}>
              <span class="figures">{coordinates(here)}</span>
              <CopyButton text={`${here.lat.toFixed(6)}, ${here.lon.toFixed(6)}`} />
            </Fact>
          )}
          {live && (
            <Fact name={t('web.panel.heard')}>{`${ago(at - live.heardAtMs)} · ${stamp(live.heardAtMs, at)}`}</Fact>
          )}
          {live?.batteryPercent !== undefined && (
            <Fact name={t('web.panel.battery')}>
              <BatteryIcon percent={live.batteryPercent} charging={live.charging ?? false} />
              <span>{t('web.percent', { n: live.batteryPercent })}</span>
              {live.charging && <span>{t('web.charging')}</span>}
            </Fact>
          )}
          {live?.speedMps !== undefined && <Fact name={t('web.panel.speed')}>{kmh(live.speedMps)}</Fact>}
          {live?.steps !== undefined && <Fact name={t('web.panel.steps')}>{String(live.steps)}</Fact>}
          {live?.source && <Fact name={t('web.panel.source')}>{word('web.source', live.source)}</Fact>}
          {live?.clockOffMs !== undefined && Math.abs(live.clockOffMs) > 5_000 && (
            <Fact name={t('web.panel.clock')}>
              {t('web.panel.clockOff', { s: Math.round(live.clockOffMs / 1000) })}
            </Fact>
          )}
          {worker.insole && <Fact name={t('web.panel.insole')}>{<span class="figures">{worker.insole}</span>}</Fact>}
        </dl>
      </section>
      {here && <Nearby of={worker.worker} here={here} />}
      {p.alarm !== null && <AlarmPart id={p.alarm} />}
      <LastHour worker={worker.worker} live={live} />
      <Protection worker={worker.worker} />
      {maySteer.value && <Late worker={worker.worker} load={care} />}
      <Late worker={worker.worker} load={asked} />
      {me.value && me.value.role !== 'viewer' && (
        <a class="button quiet" href={moreHref('drill', worker.worker)}>
          {t('web.drill')}
        </a>
      )}
      {me.value && me.value.role !== 'viewer' && (
        <a class="button quiet" href={moreHref('why', encodeURIComponent(worker.worker))}>
          {t('web.panel.why')}
        </a>
      )}
      <Looked worker={worker.worker} />
    </>
  );
}

// What else can be done, and its words, are fetched when the panel opens.
function Acts(p: { alarm: Alarm }) {
  const [more, setMore] = useState<{ readonly is: ComponentType<{ alarm: Alarm }> } | null>(null);
  useEffect(() => {
    let left = false;
    Promise.all([import('../more/acts.tsx'), speakMore()]).then(
      ([m]) => left || setMore({ is: m.default }),
      () => undefined,
    );
    return () => {
      left = true;
    };
  }, []);
  return more && <more.is alarm={p.alarm} />;
}

function Fact(p: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{p.name}</dt>
      <dd>{p.children}</dd>
    </div>
  );
}

function CopyButton(p: { text: string }) {
  return (
    <button
      type="button"
      class="quiet tool small"
      aria-label={t('web.copy')}
      onClick={() => {
        navigator.clipboard.writeText(p.text).then(
          () => say(t('web.copied')),
          () => say(p.text),
        );
      }}
    >
      <Glyph name="copy" size={16} />
    </button>
  );
}

// asked fetches something when the panel opens, and again when the store is back.
function useAsked<T>(
  ask: () => Promise<T>,
  of: readonly unknown[],
): { readonly value: T | null; readonly problem: string | null } {
  const [state, setState] = useState<{ value: T | null; problem: string | null }>({ value: null, problem: null });
  const away = mode.value === 'UNAVAILABLE';
  useEffect(() => {
    let wanted = true;
    if (away) return undefined;
    ask().then(
      (value) => wanted && setState({ value, problem: null }),
      (err: unknown) => wanted && setState((was) => ({ value: was.value, problem: saidOf(err) })),
    );
    return () => {
      wanted = false;
    };
  }, [...of, away]);
  return state;
}

// The positions are asked for once (who asks is recorded), and go on with what the feed says.
function LastHour(p: { worker: string; live: Live | undefined }) {
  const { live } = p;
  const known = now.value !== null;
  const { value, problem } = useAsked<readonly Position[]>(async () => {
    const to = now.value;
    return to === null ? [] : api.positions(p.worker, to - hourMs, to);
  }, [p.worker, known]);
  const [since, setSince] = useState<readonly Position[]>([]);
  useEffect(() => {
    const fix = positionOf(live);
    if (fix) setSince((was) => ((was.at(-1)?.atMs ?? 0) < fix.atMs ? [...was, fix].slice(-sinceMax) : was));
  }, [live]);
  const whole = useMemo(() => joined(value, since), [value, since]);
  useEffect(() => {
    trail.value = whole === null ? null : { worker: p.worker, positions: whole };
    return () => {
      trail.value = null;
    };
  }, [whole]);
  const from = (now.value ?? 0) - hourMs;
  const shown = whole?.filter((q) => q.atMs >= from) ?? null;
  return (
    <section>
      <h3>{t('web.panel.hour')}</h3>
      {problem !== null && <p class="sub">{problem}</p>}
      {shown !== null && shown.length === 0 && <p class="sub">{t('web.panel.noHistory')}</p>}
      {shown !== null && shown.length > 0 && (
        <>
          <Locator positions={shown} />
          <Graph positions={shown} toMs={now.value ?? 0} spanMs={hourMs} />
        </>
      )}
    </section>
  );
}

const sinceMax = 2_000;

function positionOf(live: Live | undefined): Position | null {
  if (live?.lat === undefined || live.lon === undefined || live.fixAtMs === undefined) return null;
  return {
    atMs: live.fixAtMs,
    lat: live.lat,
    lon: live.lon,
    ...(live.speedMps === undefined ? {} : { speedMps: live.speedMps }),
  };
}

// joined puts what came since behind what was asked for, which has the same newest ones.
function joined(asked: readonly Position[] | null, since: readonly Position[]): readonly Position[] | null {
  if (asked === null) return null;
  const newest = asked.at(-1)?.atMs ?? 0;
  return [...asked, ...since.filter((q) => q.atMs > newest)];
}

// Whether a press would be heard and somebody told, with the reasons; what was not checked is said too.
function Protection(p: { worker: string }) {
  const { value, problem } = useAsked<Verdict | null>(() => api.readiness(p.worker), [p.worker]);
  if (value === null) return problem === null ? null : <p class="sub">{problem}</p>;
  const part = (weight: Verdict['reasons'][number]['weight']) => value.reasons.filter((r) => r.weight === weight);
  const lists = [
    { key: 'blocks', title: null, reasons: part('blocks') },
    { key: 'warns', title: t('web.readiness.warns'), reasons: part('warns') },
    { key: 'unchecked', title: t('web.readiness.unchecked'), reasons: part('unchecked') },
  ];
  return (
    <section class="protection">
      <h3>{t('web.readiness.title')}</h3>
      <p class={`verdict-line ${value.ready ? 'ready' : 'not'}`}>
        {value.ready ? <CalmIcon size={20} /> : <PriorityIcon priority={2} size={20} />}
        <strong>{t(value.ready ? 'web.readiness.ready' : 'web.readiness.not')}</strong>
        <span class="sub figures">{t('web.readiness.at', { ago: ago((now.value ?? value.atMs) - value.atMs) })}</span>
      </p>
      {lists.map(
        (l) =>
          l.reasons.length > 0 && (
            <div key={l.key}>
              {l.title !== null && <p class="sub">{l.title}</p>}
              <ul class={`reasons-why ${l.key}`}>
                {l.reasons.map((r) => (
                  <li key={r.text}>{r.text}</li>
                ))}
              </ul>
            </div>
          ),
      )}
      {value.drill && (
        <p class="sub">
          {t('web.readiness.drill', {
            ago: ago((now.value ?? value.atMs) - value.drill.atMs),
            by: value.drill.byName,
            took: span(value.drill.tookS * 1000),
          })}
        </p>
      )}
    </section>
  );
}

// What is asked of the worker, and what responders must know, come late: the board does not wait for them.
const asked = () => import('../more/checkins.tsx').then((m) => m.Asked);
const care = () => import('../more/care.tsx').then((m) => m.Care);

function Late(p: { worker: string; load: () => Promise<ComponentType<{ worker: string }>> }) {
  const [Part, set] = useState<ComponentType<{ worker: string }> | null>(null);
  useEffect(() => {
    Promise.all([p.load(), speakMore()]).then(
      ([part]) => set(() => part),
      () => undefined,
    );
  }, []);
  return Part && <Part key={p.worker} worker={p.worker} />;
}

const nearbyMax = 4;
const nearbyM = 10_000;

function Nearby(p: { of: string; here: Point }) {
  const at = now.value ?? 0;
  const found = [];
  for (const w of board.value.workers.values()) {
    if (w.worker === p.of || w.live?.lat === undefined || w.live.lon === undefined || !w.onShift) continue;
    const there = { lat: w.live.lat, lon: w.live.lon };
    const m = distanceM(p.here, there);
    if (m <= nearbyM) found.push({ w, m, from: towards(p.here, there) });
  }
  found.sort((a, b) => a.m - b.m);
  return (
    <section>
      <h3>{t('web.panel.nearby')}</h3>
      {found.length === 0 && <p class="sub">{t('web.panel.nobodyNear')}</p>}
      <ul class="nearby">
        {found.slice(0, nearbyMax).map(({ w, m, from }) => (
          <li key={w.worker}>
            <a href={workerHref(w.worker)}>{w.name}</a>
            <span class="figures">{`${metres(m)} ${wind(from)}`}</span>
            <span class="figures">{ago(at - (w.live?.fixAtMs ?? at))}</span>
            {w.phone ? (
              <a class="quiet tool small" href={`tel:${w.phone}`} aria-label={t('web.callOf', { name: w.name })}>
                <Glyph name="phone" size={16} />
              </a>
            ) : (
              <span />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const looksShown = 5;
const stampNow = (atMs: number) => stamp(atMs, now.peek() ?? atMs);

function Looked(p: { worker: string }) {
  const { value } = useAsked<readonly Look[]>(() => api.looked(p.worker), [p.worker]);
  if (value === null || value.length === 0) return null;
  return (
    <section>
      <h3>{t('web.panel.looked')}</h3>
      <ul class="looked">
        {value.slice(0, looksShown).map((l) => (
          <li key={`${l.atMs}-${l.name}`}>
            <Glyph name="eye" size={15} />
            <span>{l.name}</span>
            <span class="figures">{stampNow(l.atMs)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

// The machine's own remarks (keys of reports, counts of pages) are left out: who reads this wants what people did.
const remarked = ['note', 'resolved', 'lapsed', 'shelved'];

function lineOf(l: LogLine): string {
  const who = l.who === undefined ? '' : ` · ${word('web.who', l.who)}`;
  if (!l.detail || !remarked.includes(l.what)) return `${word('web.log', l.what)}${who}`;
  const [reason = '', ...rest] = l.what === 'resolved' ? l.detail.split(' ') : ['', l.detail];
  const said = [reason === '' ? '' : word('web.reason', reason), rest.join(' ')].filter((x) => x !== '');
  return [`${word('web.log', l.what)}${who}`, ...said].join(' · ');
}

// The alarm's file: every page, every step, every person. It is read again whenever the alarm changes.
function AlarmPart(p: { id: string }) {
  const version = chosenAlarm.value?.version ?? 0;
  const { value, problem } = useAsked<AlarmFile>(() => api.alarm(p.id), [p.id, version]);
  if (problem !== null && value === null) return <p class="sub">{problem}</p>;
  if (value === null) return null;
  const ended = value.alarm.state === 'resolved' || value.alarm.state === 'cancelled';
  return (
    <section>
      <h3>{t('web.panel.log', { reference: value.alarm.reference })}</h3>
      {me.value?.role !== 'viewer' && <a href={moreHref('replay', p.id)}>{t('web.panel.replay')}</a>}
      {!ended && value.alarm.note && <p>{value.alarm.note}</p>}
      {ended && (
        <p>
          <strong>{t(value.alarm.state === 'resolved' ? 'web.alarm.wasResolved' : 'web.alarm.wasCancelled')}</strong>
          {value.alarm.endedAtMs !== undefined && ` · ${stampNow(value.alarm.endedAtMs)}`}
          {value.alarm.reason && ` · ${word('web.reason', value.alarm.reason)}`}
          {value.alarm.note && ` · ${value.alarm.note}`}
        </p>
      )}
      <ol class="log">
        {value.log.map((l, i) => (
          <li key={i}>
            <time class="figures">{stampNow(l.atMs)}</time>
            <span>{lineOf(l)}</span>
          </li>
        ))}
      </ol>
      {value.pages.length > 0 && (
        <>
          <h3>{t('web.panel.pages')}</h3>
          <ul class="log">
            {value.pages.map((g) => (
              <li key={`${g.step}-${g.contact}-${g.channel}`}>
                <time class="figures">
                  {g.queuedAtMs === undefined
                    ? ''
                    : stampNow(g.answeredAtMs ?? g.openedAtMs ?? g.doneAtMs ?? g.queuedAtMs)}
                </time>
                <span>
                  {`${g.name ?? g.contact} · ${word('web.channel', g.channel)} · ${word('web.page', g.answer ?? g.state)}`}
                  {g.why && ` · ${g.why}`}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
