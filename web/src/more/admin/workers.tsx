// Workers: who wears which insole, in which team, and when they may be located.
import { n, t } from '../../text/text.ts';
import { me, teamName } from '../../ui/state.ts';
import { Check, type Edit, Editor, Field, fetchAll, type Line, SelectField, TextField, useGet } from '../form.tsx';
import { fieldId } from '../form-draft.ts';
import type { PageProps } from '../index.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Insole, insoles, type Shift, type Team, teams, type Worker, workers } from './nouns.ts';

export function Workers(p: PageProps) {
  const at = idIn(p.rest);
  const set = useGet<{ teams: readonly Team[]; insoles: readonly Insole[] }>(async () => {
    const [a, b] = await Promise.all([fetchAll(teams), me.value?.role === 'viewer' ? [] : fetchAll(insoles)]);
    return { teams: a, insoles: b };
  }, []);
  if (at.is === 'list')
    return (
      <Things
        noun={workers}
        make={t('more.workers.make')}
        sub={(w) => [teamName(w.team), w.insole === '' ? t('more.workers.noInsole') : w.insole, w.phone]}
      />
    );
  return (
    <Back page="workers" title={t('more.workers.title')}>
      {set.problem !== null && <p role="status">{set.problem}</p>}
      <Editor
        key={at.id}
        noun={workers}
        id={at.id}
        lines={workerLines}
        fields={(e) => <WorkerFields edit={e} teams={set.value?.teams ?? []} insoles={set.value?.insoles ?? []} />}
      />
    </Back>
  );
}

function workerLines(w: Worker): readonly Line[] {
  return [
    [t('more.name'), w.name],
    [t('more.team'), teamName(w.team)],
    [t('more.phone'), w.phone],
    [t('more.workers.insole'), w.insole],
    ...w.shifts.map(
      (s, i): Line => [
        t('more.workers.shift', { n: i + 1 }),
        `${s.days.map((d) => dayName(d, 'short')).join(', ')} · ${s.from}–${s.to} · ${s.zone}`,
      ],
    ),
    ...(w.shifts.length === 0 ? [[t('more.workers.shifts'), t('more.workers.always')] as const] : []),
  ];
}

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

// The 1st of January 2024 was a Monday.
function dayName(day: string, how: 'long' | 'short'): string {
  const i = (days as readonly string[]).indexOf(day);
  return i < 0
    ? day
    : new Intl.DateTimeFormat(document.documentElement.lang, { weekday: how, timeZone: 'UTC' }).format(
        Date.UTC(2024, 0, 1 + i),
      );
}

function WorkerFields(p: { edit: Edit<Worker>; teams: readonly Team[]; insoles: readonly Insole[] }) {
  const { value, set, faults, isNew } = p.edit;
  const free = p.insoles.filter((i) => !i.revoked && (i.worker === '' || i.worker === value.worker));
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
      <SelectField
        at="team"
        label={t('more.team')}
        faults={faults}
        value={value.team}
        options={[
          ...(value.team === '' ? [['', t('more.choose')] as const] : []),
          ...p.teams.map((x) => [x.team, x.name] as const),
        ]}
        onInput={(team) => set({ team })}
      />
      <TextField
        at="phone"
        label={t('more.phone')}
        hint={t('more.phone.hint')}
        faults={faults}
        value={value.phone}
        onInput={(phone) => set({ phone })}
        input={{ type: 'tel', autocomplete: 'off', inputMode: 'tel' }}
      />
      <SelectField
        at="insole"
        label={t('more.workers.insole')}
        hint={t(isNew || value.insole === '' ? 'more.workers.insoleHint' : 'more.workers.insoleOffHint')}
        faults={faults}
        value={value.insole}
        options={[
          ['', t('more.workers.noInsole')],
          ...free.map((i) => [i.insole, `${i.insole} (${i.dialect})`] as const),
        ]}
        onInput={(insole) => set({ insole })}
      />
      <Shifts edit={p.edit} />
    </>
  );
}

const maxShifts = 14;

function zones(): readonly string[] {
  return 'supportedValuesOf' in Intl ? Intl.supportedValuesOf('timeZone') : [];
}

function Shifts(p: { edit: Edit<Worker> }) {
  const { value, set, faults } = p.edit;
  const { shifts } = value;
  const change = (i: number, more: Partial<Shift>) =>
    set({ shifts: shifts.map((s, j) => (j === i ? { ...s, ...more } : s)) });
  function add(): void {
    const last = shifts.at(-1);
    const zone = last?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    set({
      shifts: [
        ...shifts,
        { days: last?.days ?? ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '17:00', zone },
      ],
    });
    requestAnimationFrame(() => document.getElementById(fieldId(`shifts[${shifts.length}].from`))?.focus());
  }
  return (
    <fieldset class="policy">
      <legend>{t('more.workers.shifts')}</legend>
      <p class="sub">{t('more.workers.shiftsHint')}</p>
      {shifts.length === 0 && (
        <p>
          <strong>{t('more.workers.always')}</strong>
        </p>
      )}
      <ol>
        {shifts.map((s, i) => {
          const at = `shifts[${i}]`;
          return (
            <li key={i}>
              <fieldset class="step">
                <legend>{t('more.workers.shift', { n: i + 1 })}</legend>
                <div class="checks">
                  {days.map((d, j) => (
                    <Check
                      key={d}
                      {...(j === 0 ? { id: fieldId(`${at}.days`) } : {})}
                      label={dayName(d, 'short')}
                      checked={s.days.includes(d)}
                      onChange={(on) => change(i, { days: days.filter((x) => (x === d ? on : s.days.includes(x))) })}
                    />
                  ))}
                </div>
                {faults
                  .filter((f) => f.at === `${at}.days`)
                  .map((f) => (
                    <p key={f.says} class="wrong">
                      {f.says}
                    </p>
                  ))}
                <div class="beside">
                  <TextField
                    at={`${at}.from`}
                    label={t('more.workers.from')}
                    faults={faults}
                    value={s.from}
                    onInput={(from) => change(i, { from })}
                    input={{ type: 'time' }}
                  />
                  <Field
                    at={`${at}.to`}
                    label={t('more.workers.to')}
                    hint={s.to <= s.from ? t('more.workers.nextDay') : undefined}
                    faults={faults}
                  >
                    {(a) => (
                      <input
                        {...a}
                        // 24:00 ends a day; the browser's own clock does not know it.
                        {...(s.to === '24:00' ? { type: 'text' as const } : { type: 'time' as const })}
                        value={s.to}
                        onInput={(e) => change(i, { to: e.currentTarget.value })}
                      />
                    )}
                  </Field>
                </div>
                <TextField
                  at={`${at}.zone`}
                  label={t('more.workers.zone')}
                  faults={faults}
                  value={s.zone}
                  onInput={(zone) => change(i, { zone })}
                  input={{ list: 'time-zones', autocomplete: 'off', spellcheck: false }}
                />
                <div class="form-acts">
                  <button
                    type="button"
                    class="plain bad"
                    onClick={() => {
                      set({ shifts: shifts.filter((_, j) => j !== i) });
                      document.getElementById(fieldId('shifts'))?.focus();
                    }}
                  >
                    {t('more.workers.removeShift', { n: i + 1 })}
                  </button>
                </div>
              </fieldset>
            </li>
          );
        })}
      </ol>
      <datalist id="time-zones">
        {zones().map((z) => (
          <option key={z} value={z} />
        ))}
      </datalist>
      <div class="form-acts">
        <button type="button" id={fieldId('shifts')} class="plain" disabled={shifts.length >= maxShifts} onClick={add}>
          {t('more.workers.addShift')}
        </button>
        {shifts.length > 0 && <span class="sub">{n('more.workers.shiftCount', shifts.length)}</span>}
      </div>
    </fieldset>
  );
}
