// Zones: areas with a meaning, typed as lines or drawn on the map; both are the same corners.
import { n, t } from '../../text/text.ts';
import { teamName } from '../../ui/state.ts';
import { DrawPane } from '../draw-pane.tsx';
import {
  Check,
  canSave,
  type Edit,
  Editor,
  Field,
  fetchAll,
  type Line,
  SelectField,
  TextField,
  useGet,
} from '../form.tsx';
import type { Fault } from '../form-draft.ts';
import type { PageProps } from '../index.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Team, teams, type Zone, zones } from './nouns.ts';
import { cornersIn, opened, read, written } from './ring.ts';

export function Zones(p: PageProps) {
  const at = idIn(p.rest);
  const known = useGet<readonly Team[]>(() => fetchAll(teams), []);
  if (at.is === 'list')
    return (
      <Things
        noun={zones}
        make={t('more.zones.make')}
        sub={(z) => [
          z.danger && t('more.zones.danger'),
          z.team === '' ? t('web.team.all') : teamName(z.team),
          n('more.zones.corners', opened(z.ring).length),
        ]}
      />
    );
  return (
    <Back page="zones" title={t('more.zones.title')}>
      <Editor
        key={at.id}
        noun={zones}
        id={at.id}
        lines={zoneLines}
        check={unread}
        fields={(e) => <ZoneFields edit={e} teams={known.value ?? []} />}
      />
    </Back>
  );
}

function zoneLines(z: Zone): readonly Line[] {
  return [
    [t('more.name'), z.name],
    [t('more.team'), z.team === '' ? t('web.team.all') : teamName(z.team)],
    [t('more.zones.what'), t(z.danger ? 'more.zones.dangerSays' : 'more.zones.workSays')],
    [t('more.zones.lines'), written(z.ring).replaceAll('\n', ' · ')],
  ];
}

function ZoneFields(p: { edit: Edit<Zone>; teams: readonly Team[] }) {
  const { value, set, faults } = p.edit;
  const ring = opened(value.ring);
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
        options={[['', t('web.team.all')], ...p.teams.map((x) => [x.team, x.name] as const)]}
        onInput={(team) => set({ team })}
      />
      <Check label={t('more.zones.danger')} checked={value.danger} onChange={(danger) => set({ danger })} />
      <p class="sub">{t(value.danger ? 'more.zones.dangerSays' : 'more.zones.workSays')}</p>
      <Lines edit={p.edit} />
      <DrawPane
        ring={ring}
        danger={value.danger}
        but={value.zone}
        wrong={cornersIn(faults)}
        may={canSave}
        onRing={(next) => set({ ring: next, typed: '' })}
      />
    </>
  );
}

// What is typed stays as it is typed, until the corners change on the map.
function Lines(p: { edit: Edit<Zone> }) {
  const { value, set, faults } = p.edit;
  const shown = value.typed === '' ? written(value.ring) : value.typed;
  return (
    <Field
      at="ring"
      label={t('more.zones.lines')}
      hint={t('more.zones.linesHint')}
      faults={[...unread(value), ...faults]}
    >
      {(a) => (
        <textarea
          {...a}
          class="figures"
          rows={Math.min(14, Math.max(5, shown.split('\n').length + 1))}
          spellcheck={false}
          value={shown}
          onInput={(e) => {
            const typed = e.currentTarget.value;
            set({ typed, ring: read(typed).ring });
          }}
        />
      )}
    </Field>
  );
}

// unread is what is wrong with the lines as they are typed. A zone without one of its corners is another zone.
function unread(z: Zone): readonly Fault[] {
  const bad = read(z.typed).faults;
  return bad.length === 0 ? [] : [{ at: 'ring', says: t('more.zones.badLines', { lines: bad.join(', ') }) }];
}
