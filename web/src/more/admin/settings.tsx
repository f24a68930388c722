// What a team says about each kind of alarm: where it says nothing the default holds, and is shown with its reason.
import { ask } from '../../api/client.ts';
import { list, object, text } from '../../api/decode.ts';
import { t } from '../../text/text.ts';
import { Check, type Edit, Field, SelectField, useGet } from '../form.tsx';
import { type Fault, under } from '../form-draft.ts';
import { type Setting, setting, type Team } from './nouns.ts';

const kinds = object({
  kinds: list(
    object({ kind: text, name: text, default: setting, why: text, least: setting, most: setting }, { neverOff: text }),
  ),
});
type Kind = ReturnType<typeof kinds>['kinds'][number];

const numbers = ['preAlarmS', 'dwellS', 'factor', 'minimumS', 'percent'] as const;
type Numbered = (typeof numbers)[number];

const labels = (): Record<Numbered, string> => ({
  preAlarmS: t('more.settings.preAlarmS'),
  dwellS: t('more.settings.dwellS'),
  factor: t('more.settings.factor'),
  minimumS: t('more.settings.minimumS'),
  percent: t('more.settings.percent'),
});

const priorities = (): readonly (readonly [string, string])[] => [
  ['1', t('more.settings.p1')],
  ['2', t('more.settings.p2')],
  ['3', t('more.settings.p3')],
];

// settingLine says in words what differs from the default.
export function settingLine(s: Setting): string {
  const said = s.off ? [t('more.settings.isOff')] : s.on ? [t('more.settings.isOn')] : [];
  if (s.priority) said.push(priorities()[s.priority - 1]?.[1] ?? String(s.priority));
  for (const name of numbers) if (s[name]) said.push(`${labels()[name]}: ${s[name]}`);
  return said.join(', ');
}

// changed is a setting with more, and without what says nothing.
export function changed(was: Setting | undefined, more: Setting): Setting | null {
  const said = Object.entries({ ...was, ...more }).filter(([, v]) => v !== false && v !== 0);
  return said.length === 0 ? null : Object.fromEntries(said);
}

export function Settings(p: { edit: Edit<Team> }) {
  const { value, set, faults } = p.edit;
  const { value: known, problem } = useGet(async () => (await ask('GET', '/api/kinds', kinds)).value.kinds, []);
  function change(kind: string, more: Setting): void {
    const { [kind]: was, ...others } = value.settings;
    const now = changed(was, more);
    set({ settings: now === null ? others : { ...others, [kind]: now } });
  }
  return (
    <fieldset class="policy">
      <legend>{t('more.settings.title')}</legend>
      <p class="sub">{t('more.settings.hint')}</p>
      {known === null && <p role="status">{problem ?? t('web.loading')}</p>}
      <ul class="kinds">
        {known?.map((k) => (
          <li key={k.kind}>
            <KindSetting
              kind={k}
              own={value.settings[k.kind] ?? {}}
              faults={faults}
              onChange={(more) => change(k.kind, more)}
            />
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

function KindSetting(p: { kind: Kind; own: Setting; faults: readonly Fault[]; onChange: (more: Setting) => void }) {
  const { kind, own, faults } = p;
  const at = `settings.${kind.kind}`;
  const line = settingLine(own);
  const lowest = kind.most.priority ?? 3;
  const names = labels();
  const wrong = under(faults, at).length > 0;
  return (
    <details {...(wrong ? { open: true } : {})}>
      <summary>
        <strong>{kind.name}</strong>{' '}
        <span class={line === '' ? 'sub' : 'tag'}>
          {line || t(kind.default.off ? 'more.settings.isOff' : 'more.settings.default')}
        </span>
      </summary>
      <div class="step">
        <p class="sub">{kind.why}</p>
        {kind.default.off ? (
          <Check label={t('more.settings.on')} checked={own.on ?? false} onChange={(on) => p.onChange({ on })} />
        ) : kind.neverOff === undefined ? (
          <Check label={t('more.settings.off')} checked={own.off ?? false} onChange={(off) => p.onChange({ off })} />
        ) : (
          <p class="sub">{t('more.settings.neverOff', { why: kind.neverOff })}</p>
        )}
        {lowest > 1 && (
          <SelectField
            at={`${at}.priority`}
            label={t('more.settings.priority')}
            faults={faults}
            value={String(own.priority ?? 0)}
            options={[
              ['0', t('more.settings.defaultIs', { is: priorities()[(kind.default.priority ?? 1) - 1]?.[1] ?? '' })],
              ...priorities().slice(0, lowest),
            ]}
            onInput={(v) => p.onChange({ priority: Number(v) })}
          />
        )}
        {numbers
          .filter((name) => kind.most[name] !== undefined)
          .map((name) => (
            <Field
              key={name}
              at={`${at}.${name}`}
              label={names[name]}
              hint={t('more.settings.bounds', {
                least: kind.least[name] ?? 0,
                most: kind.most[name] ?? 0,
                is: kind.default[name] ?? t('more.settings.ownWord'),
              })}
              faults={faults}
            >
              {(a) => (
                <input
                  {...a}
                  type="number"
                  min="0"
                  step={name === 'factor' ? 'any' : '1'}
                  inputMode="decimal"
                  value={own[name] === undefined || own[name] === 0 ? '' : String(own[name])}
                  onInput={(e) => {
                    const n = e.currentTarget.valueAsNumber || 0;
                    p.onChange({ [name]: name === 'factor' ? n : Math.round(n) });
                  }}
                />
              )}
            </Field>
          ))}
      </div>
    </details>
  );
}
