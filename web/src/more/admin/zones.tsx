// Zones: areas with a meaning, typed as lines or drawn on the map; both are the same corners.
import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Drawing } from '../../map/map.ts';
import { n, t } from '../../text/text.ts';
import { board, zones as shownZones, teamName } from '../../ui/state.ts';
import { theme } from '../../ui/theme.ts';
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
import { type Ring, type Team, teams, type Zone, zones } from './nouns.ts';
import { cornersIn, opened, read, sideNear, written } from './ring.ts';

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
      <DrawPane ring={ring} zone={value} wrong={cornersIn(faults)} onRing={(next) => set({ ring: next, typed: '' })} />
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

function DrawPane(p: { ring: Ring; zone: Zone; wrong: readonly number[]; onRing: (ring: Ring) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const [broken, setBroken] = useState(false);
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const last = useRef(p);
  last.current = p;
  useEffect(() => {
    const div = place.current;
    if (!div) return undefined;
    let gone = false;
    let opening: Drawing | null = null;
    import('../../map/map.ts').then(
      ({ openDrawing }) => {
        if (gone) return;
        try {
          opening = openDrawing(
            div,
            {
              'Map.Title': t('more.zones.map'),
              'NavigationControl.ZoomIn': t('web.map.in'),
              'NavigationControl.ZoomOut': t('web.map.out'),
            },
            somewhere(),
            {
              add: (at) => {
                const { ring, onRing } = last.current;
                const after = sideNear(ring, at);
                onRing([...ring.slice(0, after + 1), at, ...ring.slice(after + 1)]);
              },
              move: (i, to) => last.current.onRing(last.current.ring.map((c, j) => (j === i ? to : c))),
              remove: (i) => last.current.onRing(last.current.ring.filter((_, j) => j !== i)),
              name: (i, at) => t('more.zones.corner', { n: i + 1, lat: at[1].toFixed(5), lon: at[0].toFixed(5) }),
              broken: () => setBroken(true),
            },
          );
          setDrawing(opening);
        } catch {
          setBroken(true);
        }
      },
      () => setBroken(true),
    );
    return () => {
      gone = true;
      opening?.close();
    };
  }, []);
  useEffect(() => {
    if (drawing === null) return undefined;
    return effect(() => {
      drawing.show({
        ring: p.ring,
        danger: p.zone.danger,
        others: shownZones.value.filter((z) => z.zone !== p.zone.zone),
        wrong: p.wrong,
        dark: theme.value === 'dark',
        off: !canSave(),
      });
    });
  }, [drawing, p.ring, p.zone, p.wrong]);
  if (broken) return <p class="sub">{t('more.zones.noMap')}</p>;
  return (
    <div class="field">
      <p class="sub">{t('more.zones.drawHint')}</p>
      <div class="draw" ref={place} data-drawn={drawing === null ? 'no' : 'yes'} />
    </div>
  );
}

// A new zone begins where people are.
function somewhere(): readonly [number, number] | null {
  for (const w of board.value.workers.values())
    if (w.live?.lon !== undefined && w.live.lat !== undefined) return [w.live.lon, w.live.lat];
  return null;
}
