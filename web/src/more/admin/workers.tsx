// Workers: who wears which insole, in which team, and when they may be located.
import { t } from '../../text/text.ts';
import { me, teamName } from '../../ui/state.ts';
import { CareForm } from '../care.tsx';
import { type Edit, Editor, fetchAll, type Line, mayEdit, SelectField, TextField, useGet } from '../form.tsx';
import type { PageProps } from '../index.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Insole, insoles, type Team, teams, type Worker, workers } from './nouns.ts';
import { Shifts, shiftLine } from './shifts.tsx';

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
      {at.id !== null && mayEdit() && <CareForm key={`care of ${at.id}`} worker={at.id} />}
    </Back>
  );
}

function workerLines(w: Worker): readonly Line[] {
  return [
    [t('more.name'), w.name],
    [t('more.team'), teamName(w.team)],
    [t('more.phone'), w.phone],
    [t('more.workers.insole'), w.insole],
    ...w.shifts.map((s, i): Line => [t('more.workers.shift', { n: i + 1 }), shiftLine(s)]),
    ...(w.shifts.length === 0 ? [[t('more.workers.shifts'), shiftByName(w.shiftBy)] as const] : []),
  ];
}

function shiftByName(by: string): string {
  return t(by === 'hand' ? 'more.workers.byHand' : by === 'walking' ? 'more.workers.byWalking' : 'more.workers.always');
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
      <Shifts
        at="shifts"
        shifts={value.shifts}
        legend={t('more.workers.shifts')}
        hint={t('more.workers.shiftsHint')}
        none={shiftByName(value.shiftBy)}
        faults={faults}
        onChange={(shifts) => set(shifts.length === 0 ? { shifts } : { shifts, shiftBy: '' })}
      />
      {value.shifts.length === 0 && (
        <SelectField
          at="shiftBy"
          label={t('more.workers.shiftBy')}
          faults={faults}
          value={value.shiftBy}
          options={['', 'hand', 'walking'].map((by) => [by, shiftByName(by)] as const)}
          onInput={(shiftBy) => set({ shiftBy })}
        />
      )}
    </>
  );
}
