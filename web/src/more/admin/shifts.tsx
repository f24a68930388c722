// Hours of the week in the local time of a place: when somebody may be located, when a policy is in force.
import { t } from '../../text/text.ts';
import { Check, Field, TextField } from '../form.tsx';
import { type Fault, fieldId } from '../form-draft.ts';
import type { Shift } from './nouns.ts';

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

// The 1st of January 2024 was a Monday.
function dayName(day: string): string {
  const i = (days as readonly string[]).indexOf(day);
  const name = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'short', timeZone: 'UTC' });
  return i < 0 ? day : name.format(Date.UTC(2024, 0, 1 + i));
}

export function shiftLine(s: Shift): string {
  return `${s.days.map(dayName).join(', ')} · ${s.from}–${s.to} · ${s.zone}`;
}

const maxShifts = 14;

function timeZones(): readonly string[] {
  return 'supportedValuesOf' in Intl ? Intl.supportedValuesOf('timeZone') : [];
}

export function Shifts(p: {
  at: string; // of the list in the body: "shifts"
  shifts: readonly Shift[];
  legend: string;
  hint: string;
  none: string; // what holds without any
  faults: readonly Fault[];
  onChange: (shifts: readonly Shift[]) => void;
}) {
  const { shifts, faults } = p;
  const change = (i: number, more: Partial<Shift>) =>
    p.onChange(shifts.map((s, j) => (j === i ? { ...s, ...more } : s)));
  function add(): void {
    const last = shifts.at(-1);
    const zone = last?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    p.onChange([...shifts, { days: last?.days ?? days.slice(0, 5), from: '08:00', to: '17:00', zone }]);
    requestAnimationFrame(() => document.getElementById(fieldId(`${p.at}[${shifts.length}].from`))?.focus());
  }
  return (
    <fieldset class="policy">
      <legend>{p.legend}</legend>
      <p class="sub">{p.hint}</p>
      {shifts.length === 0 && (
        <p>
          <strong>{p.none}</strong>
        </p>
      )}
      <ol>
        {shifts.map((s, i) => {
          const at = `${p.at}[${i}]`;
          return (
            <li key={i}>
              <fieldset class="step">
                <legend>{t('more.workers.shift', { n: i + 1 })}</legend>
                <div class="checks">
                  {days.map((d, j) => (
                    <Check
                      key={d}
                      {...(j === 0 ? { id: fieldId(`${at}.days`) } : {})}
                      label={dayName(d)}
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
                  input={{ list: `${p.at}-zones`, autocomplete: 'off', spellcheck: false }}
                />
                <div class="form-acts">
                  <button
                    type="button"
                    class="plain bad"
                    onClick={() => {
                      p.onChange(shifts.filter((_, j) => j !== i));
                      document.getElementById(fieldId(p.at))?.focus();
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
      <datalist id={`${p.at}-zones`}>
        {timeZones().map((z) => (
          <option key={z} value={z} />
        ))}
      </datalist>
      <div class="form-acts">
        <button type="button" id={fieldId(p.at)} class="plain" disabled={shifts.length >= maxShifts} onClick={add}>
          {t('more.workers.addShift')}
        </button>
      </div>
    </fieldset>
  );
}
