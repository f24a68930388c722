// The open alarms, above all else: who, what, where, for how long, what happens next, who has it.

import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Alarm } from '../api/feed.ts';
import { type Incident, latched } from '../state/incidents.ts';
import { whereNow } from '../state/place.ts';
import { unattended } from '../state/ring.ts';
import { accuracy, ago, clock, hour, place, span, ticking } from '../text/format.ts';
import { n, t, word } from '../text/text.ts';
import { Glyph, HandIcon, PriorityIcon } from './icons.tsx';
import { keepFocus } from './moved.ts';
import { alarmHref, route } from './route.ts';
import {
  alarms,
  arrangement,
  board,
  busy,
  canChange,
  chosenAlarm,
  cursor,
  maySteer,
  me,
  now,
  placeAt,
  resolving,
  seen,
  take,
  teamName,
} from './state.ts';

// More alarms than a person can read at once (EEMUA 191 calls ten in ten minutes a flood): the first stay whole, the
// others become one line each, still with their button.
const floodFrom = 10;
const floodWhole = 2;

export function Alarms() {
  const open = alarms.value;
  const { incidents, lesser, aside, flood } = arrangement.value;
  const many = open.length - aside.length;
  const crowd = many > floodFrom;
  useLayoutEffect(keepFocus, [open]);
  const picked = (alarm: Alarm) => alarm.id === cursor.value || alarm.id === chosenAlarm.value?.id;
  const cards = (all: readonly Incident[], whole: number) =>
    all.map(({ lead, rest }, i) => (
      <div key={lead.incident ?? lead.id} class={rest.length > 0 ? 'incident' : undefined}>
        {[lead, ...rest].map((alarm, j) => (
          <AlarmCard key={alarm.id} alarm={alarm} short={(i >= whole || j > 0) && !picked(alarm)} />
        ))}
      </div>
    ));
  return (
    <section class="alarms" aria-label={t('web.alarms.title')}>
      {(flood > 0 || crowd) && (
        <p class="flood">{flood > 0 ? n('web.alarms.new', flood) : n('web.alarms.flood', many)}</p>
      )}
      {cards(incidents, crowd || flood > 0 ? floodWhole : Number.POSITIVE_INFINITY)}
      {lesser.length > 0 && (
        <details open={lesser.some((i) => [i.lead, ...i.rest].some(picked))}>
          <summary>
            {n(
              'web.alarms.lesser',
              lesser.reduce((sum, i) => sum + 1 + i.rest.length, 0),
            )}
          </summary>
          {cards(lesser, 0)}
        </details>
      )}
      {aside.length > 0 && (
        <details open={aside.some(picked)}>
          <summary>{n('web.alarms.aside', aside.length)}</summary>
          {aside.map((alarm) => (
            <AlarmCard key={alarm.id} alarm={alarm} />
          ))}
        </details>
      )}
    </section>
  );
}

// More than this later than sent is told: the insole had no coverage, or we had none.
const lateMs = 60_000;

// In the panel of its worker the card leaves out the anchors that the one in the list has.
export function AlarmCard(p: { alarm: Alarm; panel?: boolean; short?: boolean }) {
  const { alarm } = p;
  const at = now.value ?? alarm.raisedAtMs;
  const open = unattended(alarm);
  const worker = board.value.workers.get(alarm.worker);
  const spot = whereNow(alarm, worker?.live);
  const where = placeAt(spot.lat, spot.lon);
  const self = useRef<HTMLElement>(null);
  const current = !p.panel && cursor.value === alarm.id;
  const anchor = `${p.panel ? 'panel-' : ''}alarm-${alarm.id}`;
  useEffect(() => {
    if (current) self.current?.focus();
  }, [current]);
  const chosen = !p.panel && chosenAlarm.value?.id === alarm.id;
  useEffect(() => {
    if (chosen) self.current?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const waiting = busy.value.has(alarm.id);
  const delay = alarm.raisedAtMs - alarm.sentAtMs;
  const first = canChange.value && alarms.value.find(unattended)?.id === alarm.id;
  return (
    <article
      ref={self}
      id={anchor}
      class={`alarm p${Math.min(3, Math.max(1, alarm.priority))} ${alarm.state} ${current ? 'current' : ''} ${chosen ? 'chosen' : ''} ${p.short ? 'short' : first ? 'first' : ''}`}
      data-state={alarm.state}
      tabIndex={-1}
      aria-labelledby={`${anchor}-title`}
    >
      <div class="alarm-head">
        <PriorityIcon priority={alarm.priority} size={30} />
        <div class="alarm-who">
          <h2 id={`${anchor}-title`}>
            <span class="kind">{word('alarm.kind', alarm.kind)}</span>{' '}
            <a href={alarmHref(alarm.id)} aria-current={route.value.page === 'alarm' && chosen ? 'page' : undefined}>
              {alarm.workerName}
            </a>
          </h2>
          <p class="sub">
            {alarm.team !== '' && <span>{teamName(alarm.team)}</span>}
            <span class="figures">{alarm.reference}</span>
            {alarm.drill && <span class="tag">{t('web.alarm.drill')}</span>}
            {alarm.presses > 1 && <span class="tag strong">{n('web.alarm.presses', alarm.presses)}</span>}
          </p>
        </div>
        <time
          class="alarm-age figures"
          dateTime={new Date(alarm.raisedAtMs).toISOString()}
          title={clock(alarm.raisedAtMs)}
        >
          {ticking(at - alarm.raisedAtMs)}
        </time>
      </div>
      <dl class="facts">
        <div>
          <dt>{t('web.alarm.where')}</dt>
          <dd>
            {where === null ? (
              t('web.alarm.nowhere')
            ) : (
              <>
                <strong>{place(where)}</strong>
                <span>{accuracy(spot.accuracyM)}</span>
                {spot.fixAtMs !== undefined && <span>{ago(at - spot.fixAtMs)}</span>}
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>{t('web.alarm.owner')}</dt>
          <dd class={open ? 'nobody' : ''}>
            {alarm.shelf ? (
              t('web.alarm.aside', { time: hour(alarm.shelf.untilMs), name: alarm.shelf.by, why: alarm.shelf.why })
            ) : open ? (
              <strong>{t('web.alarm.nobody')}</strong>
            ) : (
              <>
                <HandIcon size={18} />
                <strong>
                  {alarm.owner === me.value?.user ? t('web.alarm.you') : (alarm.ownerName ?? alarm.owner ?? '')}
                </strong>
                {alarm.takenAtMs !== undefined && <span>{t('web.alarm.since', { time: hour(alarm.takenAtMs) })}</span>}
              </>
            )}
          </dd>
        </div>
        <Next alarm={alarm} at={at} />
        {delay > lateMs && (
          <div>
            <dt>{t('web.alarm.sent')}</dt>
            <dd>
              <strong>{t('web.alarm.late', { time: clock(alarm.sentAtMs), span: span(delay) })}</strong>
            </dd>
          </div>
        )}
        {alarm.guess && (
          <div>
            <dt>{t('web.alarm.guess')}</dt>
            <dd>{word('guess', alarm.guess)}</dd>
          </div>
        )}
        {alarm.returnedAtMs !== undefined && (
          <div>
            <dt>{t('web.alarm.returned')}</dt>
            <dd>{ago(at - alarm.returnedAtMs)}</dd>
          </div>
        )}
      </dl>
      <div class="acts">
        {maySteer.value && alarm.returnedAtMs !== undefined && !latched(alarm) && (
          <button type="button" class="plain" disabled={!canChange.value || waiting} onClick={() => void seen(alarm)}>
            {t('web.seen')}
          </button>
        )}
        {maySteer.value && open && (
          <button
            type="button"
            class="primary take"
            disabled={!canChange.value || waiting}
            onClick={() => void take(alarm)}
          >
            {t('web.take')}
          </button>
        )}
        {maySteer.value && (
          <button
            type="button"
            class={open ? 'plain' : 'primary'}
            disabled={!canChange.value || waiting}
            onClick={() => (resolving.value = alarm.id)}
          >
            {t('web.resolve')}
          </button>
        )}
        {worker?.phone && (
          <a class="button plain" href={`tel:${worker.phone}`}>
            <Glyph name="phone" />
            <span>{t('web.call')}</span>
            <span class="figures wide-only">{worker.phone}</span>
          </a>
        )}
        {spot.lat !== undefined && spot.lon !== undefined && (
          <a
            class="button plain tool"
            title={t('web.directions')}
            href={`geo:${spot.lat},${spot.lon}?q=${spot.lat},${spot.lon}`}
          >
            <Glyph name="route" />
            <span class="unseen">{t('web.directions')}</span>
          </a>
        )}
      </div>
    </article>
  );
}

function Next(p: { alarm: Alarm; at: number }) {
  const { alarm, at } = p;
  if (alarm.state === 'pending' && alarm.deadlineMs !== undefined) {
    return (
      <div>
        <dt>{t('web.alarm.next')}</dt>
        <dd>
          <strong>{t('web.alarm.deadline', { time: clock(alarm.deadlineMs) })}</strong>
          <span class="figures">{countdown(alarm.deadlineMs - at)}</span>
        </dd>
      </div>
    );
  }
  if (!unattended(alarm)) return null;
  return (
    <div>
      <dt>{t('web.alarm.next')}</dt>
      <dd>
        {alarm.nextStepAtMs === undefined ? (
          t('web.alarm.noNext')
        ) : (
          <>
            <strong>{t('web.alarm.step', { step: alarm.step + 1, time: clock(alarm.nextStepAtMs) })}</strong>
            <span class="figures">{countdown(alarm.nextStepAtMs - at)}</span>
          </>
        )}
      </dd>
    </div>
  );
}

function countdown(ms: number): string {
  return ms >= 0 ? t('web.in', { span: ticking(ms) }) : t('web.overdue', { span: ticking(-ms) });
}
