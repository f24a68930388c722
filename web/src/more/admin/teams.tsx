// Teams: who works together, and who is told, in which order.
import { useEffect, useRef, useState } from 'preact/hooks';
import { n, t, word } from '../../text/text.ts';
import { me } from '../../ui/state.ts';
import { type Edit, Editor, fetchAll, type Line, MinutesField, TextField, useGet } from '../form.tsx';
import { type Fault, fieldId, under } from '../form-draft.ts';
import type { PageProps } from '../index.tsx';
import { Confirmation } from './contacts.tsx';
import { DryRun } from './dryrun.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Contact, contacts, type Step, type Team, teams } from './nouns.ts';
import { Settings, settingLine } from './settings.tsx';
import { Shifts, shiftLine } from './shifts.tsx';

const channels = ['sms', 'email'] as const;

export function Teams(p: PageProps) {
  const at = idIn(p.rest);
  const named = useGet<readonly Contact[]>(async () => (me.value?.role === 'viewer' ? [] : fetchAll(contacts)), []);
  if (at.is === 'list')
    return (
      <Things noun={teams} make={t('more.teams.make')} sub={(team) => [n('more.teams.steps', team.steps.length)]} />
    );
  const known = named.value ?? [];
  return (
    <Back page="teams" title={t('more.teams.title')}>
      {named.problem !== null && <p role="status">{named.problem}</p>}
      <Editor
        key={at.id}
        noun={teams}
        id={at.id}
        lines={(team) => teamLines(team, known)}
        fields={(e) => <TeamFields edit={e} known={known} />}
        beside={(team) => (me.value?.role === 'supervisor' ? <DryRun team={team} /> : null)}
      />
    </Back>
  );
}

const nameOf = (id: string, known: readonly Contact[]) => known.find((c) => c.contact === id)?.name ?? id;
const minutes = (s: number) => t('more.minutes', { n: Math.round((s / 60) * 100) / 100 });

const stepLine = (s: Step, known: readonly Contact[]) =>
  [
    minutes(s.delayS),
    s.contacts.map((c) => nameOf(c, known)).join(', '),
    s.channels.map((c) => word('web.channel', c)).join(', '),
  ].join(' · ');

function teamLines(team: Team, known: readonly Contact[]): readonly Line[] {
  return [
    [t('more.name'), team.name],
    ...team.steps.map((s, i): Line => [t('more.teams.step', { n: i + 1 }), stepLine(s, known)]),
    [t('more.teams.repeat'), minutes(team.repeatS)],
    [t('more.teams.lapse'), team.lapseS === 0 ? t('more.teams.never') : minutes(team.lapseS)],
    [t('more.teams.fallback'), team.fallback],
    ...team.outOfHours.map((s, i): Line => [t('more.teams.outStep', { n: i + 1 }), stepLine(s, known)]),
    ...team.hours.map((s, i): Line => [t('more.teams.hoursLine', { n: i + 1 }), shiftLine(s)]),
    ...Object.entries(team.settings).map(([kind, s]): Line => [word('alarm.kind', kind), settingLine(s)]),
  ];
}

function TeamFields(p: { edit: Edit<Team>; known: readonly Contact[] }) {
  const { value, set, faults, isNew } = p.edit;
  return (
    <>
      <TextField
        at="name"
        label={t('more.name')}
        faults={faults}
        value={value.name}
        onInput={(name) => set({ name })}
        input={{ autocomplete: 'off', required: true }}
      />
      <Policy
        at="steps"
        legend={t('more.teams.policy')}
        hint={t('more.teams.policyHint')}
        steps={value.steps}
        team={value}
        known={p.known}
        faults={faults}
        onChange={(steps) => set({ steps })}
      />
      <MinutesField
        at="repeatS"
        label={t('more.teams.repeat')}
        hint={t('more.teams.repeatHint')}
        faults={faults}
        seconds={value.repeatS}
        onInput={(repeatS) => set({ repeatS })}
      />
      <MinutesField
        at="lapseS"
        label={t('more.teams.lapse')}
        hint={t('more.teams.lapseHint')}
        faults={faults}
        seconds={value.lapseS}
        onInput={(lapseS) => set({ lapseS })}
      />
      <TextField
        at="fallback"
        label={t('more.teams.fallback')}
        hint={t('more.teams.fallbackHint')}
        faults={faults}
        value={value.fallback}
        onInput={(fallback) => set({ fallback })}
        input={{ type: 'tel', autocomplete: 'off', inputMode: 'tel' }}
      />
      <Policy
        at="outOfHours"
        legend={t('more.teams.outOfHours')}
        hint={t('more.teams.outOfHoursHint')}
        steps={value.outOfHours}
        team={value}
        known={p.known}
        faults={faults}
        onChange={(outOfHours) => set({ outOfHours })}
      />
      {(value.outOfHours.length > 0 || value.hours.length > 0) && (
        <Shifts
          at="hours"
          shifts={value.hours}
          legend={t('more.teams.hours')}
          hint={t('more.teams.hoursHint')}
          none={t('more.teams.noHours')}
          faults={faults}
          onChange={(hours) => set({ hours })}
        />
      )}
      <Settings edit={p.edit} />
      {isNew ? <p class="sub">{t('more.dry.later')}</p> : <DryRun team={value} policy={value} />}
    </>
  );
}

const maxSteps = 10;

// A step keeps its place on the page, and the focus in it, while it is changed or moved.
const keys = new WeakMap<Step, number>();
let nextKey = 0;
function keyOf(s: Step): number {
  const had = keys.get(s);
  if (had !== undefined) return had;
  nextKey += 1;
  keys.set(s, nextKey);
  return nextKey;
}

function Policy(p: {
  at: 'steps' | 'outOfHours';
  legend: string;
  hint: string;
  steps: readonly Step[];
  team: Team;
  known: readonly Contact[];
  faults: readonly Fault[];
  onChange: (steps: readonly Step[]) => void;
}) {
  const { steps, faults, onChange } = p;
  const [told, setTold] = useState('');
  const self = useRef<HTMLFieldSetElement>(null);
  const focus = useRef<string | null>(null);
  useEffect(() => {
    if (focus.current === null) return;
    const wanted = self.current?.querySelector<HTMLElement>(focus.current);
    wanted?.focus();
    // The step may be where it was until the next drawing, and its button off.
    if (wanted && document.activeElement === wanted) focus.current = null;
  });

  function change(i: number, more: Partial<Step>): void {
    const was = steps[i];
    if (!was) return;
    const now = { ...was, ...more };
    keys.set(now, keyOf(was));
    onChange(steps.map((s, j) => (j === i ? now : s)));
  }
  function move(i: number, by: -1 | 1): void {
    const [a, b] = [steps[i], steps[i + by]];
    if (!a || !b) return;
    onChange(steps.map((s, j) => (j === i ? b : j === i + by ? a : s)));
    // The button under the finger stays there, unless the step can go no farther that way.
    const atEnd = i + by === 0 || i + by === steps.length - 1;
    focus.current = `[data-step="${keyOf(a)}"] [data-move="${atEnd ? -by : by}"]`;
    setTold(t('more.teams.moved', { from: i + 1, to: i + by + 1 }));
  }
  function removeAt(i: number): void {
    onChange(steps.filter((_, j) => j !== i));
    const next = steps[i + 1] ?? steps[i - 1];
    focus.current = next ? `[data-step="${keyOf(next)}"] input` : '[data-add]';
    setTold(t('more.teams.removed', { n: i + 1 }));
  }
  function add(): void {
    const last = steps.at(-1);
    const made: Step = { delayS: steps.length === 0 ? 0 : 120, contacts: [], channels: last?.channels ?? ['sms'] };
    onChange([...steps, made]);
    focus.current = `[data-step="${keyOf(made)}"] input`;
  }

  return (
    <fieldset class="policy" ref={self}>
      <legend>{p.legend}</legend>
      <p class="sub">{p.hint}</p>
      <ol>
        {steps.map((s, i) => (
          <li key={keyOf(s)} data-step={keyOf(s)}>
            <StepFields
              step={s}
              at={`${p.at}[${i}]`}
              number={i + 1}
              team={p.team}
              known={p.known}
              faults={faults}
              onChange={(more) => change(i, more)}
            />
            <div class="form-acts">
              <button type="button" class="plain" data-move="-1" disabled={i === 0} onClick={() => move(i, -1)}>
                <span aria-hidden="true">↑</span>
                <span class="unseen">{t('more.teams.up', { n: i + 1 })}</span>
              </button>
              <button
                type="button"
                class="plain"
                data-move="1"
                disabled={i === steps.length - 1}
                onClick={() => move(i, 1)}
              >
                <span aria-hidden="true">↓</span>
                <span class="unseen">{t('more.teams.down', { n: i + 1 })}</span>
              </button>
              <button type="button" class="plain bad" onClick={() => removeAt(i)}>
                {t('more.teams.removeStep', { n: i + 1 })}
              </button>
            </div>
          </li>
        ))}
      </ol>
      <div class="form-acts">
        <button
          type="button"
          id={fieldId(p.at)}
          data-add=""
          class="plain"
          disabled={steps.length >= maxSteps}
          onClick={add}
        >
          {t('more.teams.addStep')}
        </button>
      </div>
      {faults
        .filter((f) => f.at === p.at)
        .map((f) => (
          <p key={f.says} class="wrong">
            {f.says}
          </p>
        ))}
      <p class="unseen" role="status">
        {told}
      </p>
    </fieldset>
  );
}

function StepFields(p: {
  step: Step;
  at: string;
  number: number;
  team: Team;
  known: readonly Contact[];
  faults: readonly Fault[];
  onChange: (more: Partial<Step>) => void;
}) {
  const { step, at, faults } = p;
  const free = p.known.filter((c) => !step.contacts.includes(c.contact));
  const wrong = [...under(faults, `${at}.contacts`), ...under(faults, `${at}.channels`)];
  const picker = fieldId(`${at}.contacts`);
  return (
    <fieldset class="step">
      <legend>{t('more.teams.step', { n: p.number })}</legend>
      <MinutesField
        at={`${at}.delayS`}
        label={t(p.number === 1 ? 'more.teams.delayFirst' : 'more.teams.delay')}
        faults={faults}
        seconds={step.delayS}
        onInput={(delayS) => p.onChange({ delayS })}
      />
      <div class="field">
        <label for={picker}>{t('more.teams.contacts')}</label>
        <ul class="chosen">
          {step.contacts.map((id) => (
            <li key={id}>
              <span>
                <strong>{nameOf(id, p.known)}</strong>{' '}
                <Reach contact={p.known.find((c) => c.contact === id)} step={step} team={p.team} />
              </span>
              <button
                type="button"
                class="quiet"
                aria-label={t('more.teams.removeContact', { name: nameOf(id, p.known), n: p.number })}
                onClick={() => {
                  p.onChange({ contacts: step.contacts.filter((c) => c !== id) });
                  document.getElementById(picker)?.focus();
                }}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
        <select
          id={picker}
          value=""
          aria-invalid={wrong.length > 0}
          aria-describedby={`${picker}-says`}
          onChange={(e) => {
            const id = e.currentTarget.value;
            e.currentTarget.value = '';
            if (id !== '') p.onChange({ contacts: [...step.contacts, id] });
          }}
        >
          <option value="">{t(free.length === 0 ? 'more.teams.nobodyLeft' : 'more.teams.addContact')}</option>
          {free.map((c) => (
            <option key={c.contact} value={c.contact}>
              {c.name}
            </option>
          ))}
        </select>
        <p id={`${picker}-says`} class="wrong">
          {wrong.map((f) => f.says).join(' ')}
        </p>
      </div>
      <div class="checks">
        {channels.map((c) => (
          <label key={c} class="check">
            <input
              type="checkbox"
              checked={step.channels.includes(c)}
              onChange={(e) => {
                const on = e.currentTarget.checked;
                p.onChange({ channels: channels.filter((x) => (x === c ? on : step.channels.includes(x))) });
              }}
            />
            <span>{word('web.channel', c)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

// How a step reaches a contact, as far as this page can tell: the server refuses what reaches nobody.
function Reach(p: { contact: Contact | undefined; step: Step; team: Team }) {
  const { contact, step } = p;
  if (!contact) return null;
  const sms = step.channels.includes('sms') && contact.phone !== '';
  const mail = step.channels.includes('email') && contact.email !== '';
  if (!sms && !mail) return <span class="tag strong">{t('more.teams.unreached')}</span>;
  return (
    <span class="sub">
      {sms && <span class="figures">{contact.phone}</span>}
      {mail && <span>{contact.email}</span>}
      {mail && p.team.version > 0 && <Confirmation team={p.team} contact={contact.contact} />}
    </span>
  );
}
