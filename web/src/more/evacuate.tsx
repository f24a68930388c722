// Evacuation and roll-call: whom to call, and who has answered. The list is everything; no map is needed.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { others } from '../api/feed.ts';
import { clock, ticking } from '../text/format.ts';
import { has, lang, n, t } from '../text/text.ts';
import { Dialog } from '../ui/dialogs.tsx';
import { alarmHref, go, moreHref, workerHref } from '../ui/route.ts';
import { asOf, byWorker, canChange, maySteer, mode, now, saidOf, say, teams, zones } from '../ui/state.ts';
import { opened, read, written } from './admin/ring.ts';
import { DrawPane } from './draw-pane.tsx';
import { Check, Field, SelectField, TextField, useGet } from './form.tsx';
import type { PageProps } from './index.tsx';
import {
  type Call,
  changeOf,
  type File,
  heard,
  inOrder,
  type Mode,
  type Muster,
  merged,
  musters,
  newName,
  type Person,
  type Reach,
  type Standing,
  tally,
} from './muster.ts';
import './evacuate.css';

export default function Evacuate(p: PageProps) {
  return p.rest === '' ? <Start /> : <Tally key={p.rest} id={p.rest} />;
}

function nameOf(m: Muster): string {
  return t(`more.evac.name.${m.mode}`, { who: m.name ?? t('more.evac.anArea') });
}

function Start() {
  const all = useGet(musters.all, []);
  const open = (all.value ?? []).filter((m) => m.state !== 'ended');
  const past = (all.value ?? []).filter((m) => m.state === 'ended').slice(0, 20);
  return (
    <>
      {open.length > 0 && <h3>{t('more.evac.open')}</h3>}
      <Links of={open} />
      {maySteer.value ? <Form /> : <p>{t('more.evac.viewer')}</p>}
      <h3>{t('more.evac.past')}</h3>
      {past.length === 0 ? (
        <p class="sub">{all.value === null ? (all.problem ?? t('web.loading')) : t('more.evac.none')}</p>
      ) : (
        <Links of={past} />
      )}
    </>
  );
}

function Links(p: { of: readonly Muster[] }) {
  return (
    <ul class="musters">
      {p.of.map((m) => (
        <li key={m.muster}>
          <a href={moreHref('evacuate', m.muster)}>{nameOf(m)}</a>
          <span class="sub">
            {new Date(m.askedAtMs).toLocaleDateString(lang.value)}{' '}
            {t('more.evac.begun', { clock: clock(m.askedAtMs), who: m.byName })}
            {m.drill && ` · ${t('more.evac.isDrill')}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

type Target = 'team' | 'zone' | 'area';
const targets: readonly Target[] = ['team', 'zone', 'area'];
const modes: readonly Mode[] = ['evacuate', 'roll-call'];
const none: readonly number[] = [];
const withins = [30, 60, 120, 300, 600, 900];

function Form() {
  const [what, setWhat] = useState<Mode>('evacuate');
  const [target, setTarget] = useState<Target>('team');
  const [team, setTeam] = useState('');
  const [zone, setZone] = useState('');
  const [area, setArea] = useState('');
  const [within, setWithin] = useState(120);
  const [note, setNote] = useState('');
  const [drill, setDrill] = useState(false);
  const [call, setCall] = useState<Call | null>(null);
  const [reach, setReach] = useState<Reach | string | null>(null); // or why it is not known
  const [waiting, setWaiting] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const corners = read(area);
  const teamNow = team || (teams.value.keys().next().value ?? '');
  const zoneNow = zone || (zones.value[0]?.zone ?? '');
  const bad = corners.faults.length > 0;
  const fit = target === 'team' ? teamNow !== '' : target === 'zone' ? zoneNow !== '' : !bad && corners.ring.length > 2;

  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (!fit || waiting || !canChange.value) return;
    const wanted: Call = {
      muster: newName(),
      mode: what,
      answerWithinS: within,
      ...(target === 'team' ? { team: teamNow } : target === 'zone' ? { zone: zoneNow } : { ring: corners.ring }),
      ...(note.trim() === '' ? {} : { note: note.trim() }),
      ...(drill ? { drill } : {}),
    };
    setSaid(null);
    setWaiting(true);
    try {
      setReach(await musters.reach(wanted));
      setCall(wanted);
    } catch (err) {
      // An area that is none is refused; that people cannot be counted now is no reason not to call them.
      if (err instanceof Error && 'status' in err && Number(err.status) < 500) setSaid(saidOf(err));
      else {
        setReach(saidOf(err));
        setCall(wanted);
      }
    } finally {
      setWaiting(false);
    }
  }

  async function begin(): Promise<void> {
    if (!call || waiting) return;
    setWaiting(true);
    try {
      const made = await musters.begin(call);
      go(moreHref('evacuate', made.muster));
    } catch (err) {
      say(saidOf(err), true); // the same call again is the same muster
    } finally {
      setWaiting(false);
    }
  }

  return (
    <form class="form evac" onSubmit={(e) => void submit(e)}>
      <h3>{t('more.evac.start')}</h3>
      <Radios
        name="mode"
        label={t('more.evac.mode')}
        of={modes.map((m) => [m, t(`more.evac.${m}`)] as const)}
        value={what}
        onInput={setWhat}
      />
      <p class="sub">{t(`more.evac.${what}Says`)}</p>
      <Radios
        name="target"
        label={t('more.evac.whom')}
        of={targets.map((x) => [x, t(`more.evac.${x}`)] as const)}
        value={target}
        onInput={setTarget}
      />
      {target === 'team' && (
        <SelectField
          at="team"
          label={t('more.evac.whichTeam')}
          faults={[]}
          value={teamNow}
          options={[...teams.value.values()].map((x) => [x.team, x.name] as const)}
          onInput={setTeam}
        />
      )}
      {target === 'zone' && (
        <SelectField
          at="zone"
          label={t('more.evac.whichZone')}
          hint={t(zones.value.length === 0 ? 'more.evac.noZones' : 'more.evac.areaSays')}
          faults={[]}
          value={zoneNow}
          options={zones.value.map((z) => [z.zone, z.name] as const)}
          onInput={setZone}
        />
      )}
      {target === 'area' && (
        <>
          <Field
            at="ring"
            label={t('more.evac.corners')}
            hint={t('more.evac.cornersHint')}
            faults={bad ? [{ at: 'ring', says: t('more.evac.badLines', { lines: corners.faults.join(', ') }) }] : []}
          >
            {(a) => (
              <textarea
                {...a}
                class="figures"
                rows={5}
                spellcheck={false}
                value={area}
                onInput={(e) => setArea(e.currentTarget.value)}
              />
            )}
          </Field>
          <p class="sub">{t('more.evac.areaSays')}</p>
          <DrawPane
            ring={opened(corners.ring)}
            danger={true}
            but=""
            wrong={none}
            may={() => canChange.value}
            onRing={(ring) => setArea(written(ring))}
          />
        </>
      )}
      <SelectField
        at="within"
        label={t('more.evac.within')}
        hint={t('more.evac.withinHint')}
        faults={[]}
        value={String(within)}
        options={withins.map((s) => [String(s), ticking(s * 1000)] as const)}
        onInput={(s) => setWithin(Number(s))}
      />
      <TextField
        at="note"
        label={t('more.evac.note')}
        hint={t('more.evac.noteHint')}
        faults={[]}
        value={note}
        onInput={setNote}
        input={{ maxLength: 500, autocomplete: 'off' }}
      />
      <Check label={t('more.evac.drill')} checked={drill} onChange={setDrill} />
      {drill && <p class="sub">{t('more.evac.drillSays')}</p>}
      {said !== null && (
        <p class="form-problem" role="alert">
          {said}
        </p>
      )}
      <div class="form-acts">
        <button type="submit" class="primary" disabled={!fit || waiting || !canChange.value}>
          {t('more.evac.next')}
        </button>
      </div>
      {call !== null && reach !== null && (
        <Dialog label={t(drill ? 'more.evac.sureDrill' : 'more.evac.sure')} onClose={() => setCall(null)}>
          <div class="evac-sure">
            {typeof reach === 'string' ? (
              <p>{t('more.evac.uncounted', { why: reach })}</p>
            ) : (
              <>
                <p class="evac-count">
                  {reach.people === 0 ? t('more.evac.nobody') : n('more.evac.people', reach.people)}
                </p>
                {reach.unreachable > 0 && <p>{n('more.evac.unreached', reach.unreachable)}</p>}
                {reach.unknownWhere > 0 && <p>{n('more.evac.unknown', reach.unknownWhere)}</p>}
              </>
            )}
            <p class="sub">{t(`more.evac.${what}Says`)}</p>
          </div>
          <div class="acts end">
            <button type="button" class="plain" onClick={() => setCall(null)}>
              {t('web.cancel')}
            </button>
            <button
              type="button"
              class="primary"
              disabled={waiting || !canChange.value || (typeof reach !== 'string' && reach.people === 0)}
              onClick={() => void begin()}
            >
              {t(waiting ? 'more.evac.goes' : `more.evac.go.${what}`)}
            </button>
          </div>
        </Dialog>
      )}
    </form>
  );
}

function Radios<V extends string>(p: {
  name: string;
  label: string;
  of: readonly (readonly [V, string])[];
  value: V;
  onInput: (v: V) => void;
}) {
  return (
    <fieldset class="reasons">
      <legend>{p.label}</legend>
      {p.of.map(([v, label]) => (
        <label key={v}>
          <input type="radio" name={p.name} value={v} checked={p.value === v} onChange={() => p.onInput(v)} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

const again = 20_000; // ms; whatever the feed may have lost is seen by then
const least = 1_000; // ms between two questions about the same muster

// useMuster is a muster, kept true by the live feed: a person's answer comes with it, everything else is fetched.
function useMuster(id: string) {
  const [file, setFile] = useState<File | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const asked = useRef({ at: Number.NEGATIVE_INFINITY, on: false, wanted: false });
  const turn = useRef<() => void>(() => undefined);
  useEffect(() => {
    let left = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const a = asked.current;
    const fetchIt = async () => {
      if (left || a.on) {
        a.wanted = a.on;
        return;
      }
      const wait = a.at + least - performance.now();
      if (wait > 0) {
        clearTimeout(timer);
        timer = setTimeout(() => void fetchIt(), wait);
        return;
      }
      a.on = true;
      a.at = performance.now();
      a.wanted = false;
      try {
        const got = await musters.one(id);
        if (left) return;
        setFile((had) => (had === null ? got : { ...got, people: merged(got.people, had.people) }));
        setProblem(null);
      } catch (err) {
        if (!left) setProblem(saidOf(err));
      } finally {
        a.on = false;
        clearTimeout(timer);
        if (!left) timer = setTimeout(() => void fetchIt(), a.wanted ? least : again);
      }
    };
    turn.current = () => void fetchIt();
    const hear = (raw: unknown) => {
      const c = changeOf(raw);
      if (c === null || c.id !== id) return;
      if (c.is === 'muster') void fetchIt();
      else setFile((had) => had && { ...had, people: heard(had.people, c.worker, c.to) });
    };
    others.add(hear);
    void fetchIt();
    return () => {
      left = true;
      clearTimeout(timer);
      others.delete(hear);
    };
  }, [id]);
  // What happened while the feed was away is not told again.
  const live = mode.value === 'LIVE';
  useEffect(() => {
    if (live) turn.current();
  }, [live]);
  return { file, problem, put: setFile, fetchIt: () => turn.current() };
}

const page = 200; // people drawn at once

function Tally(p: { id: string }) {
  const { file, problem, put, fetchIt } = useMuster(p.id);
  const [show, setShow] = useState<'open' | 'all'>('open');
  const [drawn, setDrawn] = useState(page);
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [ending, setEnding] = useState(false);
  const collator = useMemo(() => new Intl.Collator(lang.value, { sensitivity: 'base', numeric: true }), [lang.value]);
  const people = file?.people;
  const lines = useMemo(() => inOrder(people ?? [], byWorker.value, collator), [people, byWorker.value, collator]);
  const count = useMemo(() => tally(lines.map((l) => l.standing)), [lines]);
  const heading = useRef<HTMLHeadingElement>(null);
  const there = file !== null;
  useEffect(() => {
    heading.current?.focus();
    heading.current?.parentElement?.scrollIntoView();
  }, [there]);
  if (file === null) return <p role="status">{problem ?? t('web.loading')}</p>;
  const m = file.muster;
  const over = m.state === 'ending' || m.state === 'ended';
  const shown = show === 'all' ? lines : lines.filter((l) => l.standing !== 'safe');
  const unsafe = count.noAnswer + count.unreachable + count.help;

  async function about(key: string, act: () => Promise<void>): Promise<void> {
    if (busy.has(key)) return;
    setBusy((b) => new Set([...b, key]));
    try {
      await act();
    } catch (err) {
      say(saidOf(err), true);
    } finally {
      setBusy((b) => new Set([...b].filter((x) => x !== key)));
    }
  }

  const markSafe = (who: Person) =>
    about(who.worker, async () => {
      const { worker, ...to } = await musters.safe(p.id, who.worker);
      put((had) => had && { ...had, people: heard(had.people, worker, to) });
      say(t('more.evac.marked', { name: who.name }));
    });
  const end = () =>
    about('end', async () => {
      const ended = await musters.end(p.id);
      put((had) => had && { ...had, muster: ended });
      setEnding(false);
      say(t('more.evac.endDone'));
      fetchIt();
    });

  return (
    <div class="evac">
      <p>
        <a href={moreHref('evacuate')}>{t('more.evac.list')}</a>
      </p>
      <h3 ref={heading} tabIndex={-1}>
        {m.drill && <span class="evac-drill">{t('more.evac.isDrill')}</span>} {nameOf(m)}
      </h3>
      <p class="sub">
        {t('more.evac.begun', { clock: clock(m.askedAtMs), who: m.byName })}
        {m.note && ` · ${m.note}`}
      </p>
      {(problem !== null || mode.value !== 'LIVE') && (
        <p class="evac-stale">
          {problem ?? (asOf.value !== null && t('more.evac.stale', { clock: clock(asOf.value) }))}
        </p>
      )}
      <p class="evac-clock">
        <Clock m={m} />
      </p>
      <dl class="evac-tally">
        {(
          [
            ['help', count.help],
            ['noAnswer', count.noAnswer],
            ['unreachable', count.unreachable],
            ['safe', count.safe],
          ] as const
        ).map(([what, many]) => (
          <div key={what} class={`evac-${what}`} data-many={many}>
            <dt>{t(`more.evac.${what}`)}</dt>
            <dd>{new Intl.NumberFormat(lang.value).format(many)}</dd>
          </div>
        ))}
      </dl>
      <p class="evac-says" role="status">
        {m.state !== 'calling' && t('more.evac.says', { ...count, all: lines.length })}
      </p>
      <Radios
        name="show"
        label={t('more.evac.show')}
        of={[['open', t('more.evac.show.open')] as const, ['all', t('more.evac.show.all')] as const]}
        value={show}
        onInput={setShow}
      />
      {shown.length === 0 && m.state !== 'calling' && <p>{t('more.evac.allSafe')}</p>}
      <ul class="evac-people">
        {shown.slice(0, drawn).map(({ person, standing }) => (
          <li key={person.worker} data-standing={standing}>
            <div>
              <a href={workerHref(person.worker)}>{person.name}</a>
              <Says person={person} standing={standing} />
            </div>
            <div class="evac-acts">
              {person.phone && (
                <a
                  class="button plain"
                  href={`tel:${person.phone}`}
                  aria-label={t('more.evac.callOf', { name: person.name })}
                >
                  {t('more.evac.call')}
                </a>
              )}
              {maySteer.value && person.state !== 'safe' && (
                <button
                  type="button"
                  class="plain"
                  aria-label={t('more.evac.markSafeOf', { name: person.name })}
                  disabled={!canChange.value || busy.has(person.worker)}
                  onClick={() => void markSafe(person)}
                >
                  {t('more.evac.markSafe')}
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {shown.length > drawn && (
        <button type="button" class="plain" onClick={() => setDrawn(drawn + 5 * page)}>
          {n('more.evac.more', Math.min(5 * page, shown.length - drawn))}
        </button>
      )}
      {maySteer.value && !over && (
        <div class="form-acts evac-end">
          <button type="button" class="primary" disabled={!canChange.value} onClick={() => setEnding(true)}>
            {t('more.evac.end')}
          </button>
        </div>
      )}
      {ending && (
        <Dialog label={t('more.evac.end')} onClose={() => setEnding(false)}>
          <p class="evac-sure">{unsafe === 0 ? t('more.evac.endAll') : n('more.evac.endSure', unsafe)}</p>
          <div class="acts end">
            <button type="button" class="plain" onClick={() => setEnding(false)}>
              {t('web.cancel')}
            </button>
            <button
              type="button"
              class="primary"
              disabled={!canChange.value || busy.has('end')}
              onClick={() => void end()}
            >
              {t('more.evac.end')}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Clock(p: { m: Muster }) {
  const { m } = p;
  if (m.endedAtMs !== undefined)
    return <>{t('more.evac.ended', { clock: clock(m.endedAtMs), who: m.endedBy ?? '' })}</>;
  if (m.deadlineMs === undefined) return <>{n('more.evac.calling', m.called)}</>;
  const left = m.deadlineMs - (now.value ?? m.askedAtMs);
  if (m.state === 'counted') return <>{t('more.evac.over', { clock: clock(m.deadlineMs) })}</>;
  return <>{left > 0 ? t('more.evac.left', { left: ticking(left) }) : t('more.evac.counting')}</>;
}

function Says(p: { person: Person; standing: Standing }) {
  const { person: x, standing } = p;
  const more: string[] = [];
  const why = `more.evac.why.${x.why ?? ''}`;
  if (x.state !== 'safe' && has(why)) more.push(t(why));
  if (x.where === 'unknown') more.push(t('more.evac.where.unknown'));
  if (x.where === 'near') more.push(t('more.evac.where.near'));
  const helping = byWorker.value.get(x.worker)?.find((a) => a.kind !== 'no-answer');
  return (
    <span class="sub">
      {standing === 'help' && helping ? (
        <a href={alarmHref(helping.id)}>{t('more.evac.is.help')}</a>
      ) : x.state === 'safe' ? (
        t(x.byName ? 'more.evac.is.safeBy' : 'more.evac.is.safe', {
          clock: clock(x.safeAtMs ?? 0),
          who: x.byName ?? '',
        })
      ) : x.state === 'missing' && x.alarm ? (
        <a href={alarmHref(x.alarm)}>{t('more.evac.is.missing')}</a>
      ) : x.feltAtMs !== undefined ? (
        t('more.evac.is.felt', { clock: clock(x.feltAtMs) })
      ) : (
        t('more.evac.is.waiting')
      )}
      {more.map((w) => ` · ${w}`)}
    </span>
  );
}
