// Insoles: made with a key that is shown once, worn, given another key, ended.
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.ts';
import { object } from '../../api/decode.ts';
import { clock } from '../../text/format.ts';
import { t } from '../../text/text.ts';
import { go, moreHref } from '../../ui/route.ts';
import { saidOf, say, teamName } from '../../ui/state.ts';
import {
  canSave,
  type Edit,
  Editor,
  fetchAll,
  type Line,
  mayEdit,
  Once,
  SelectField,
  Sure,
  TextField,
  useGet,
} from '../form.tsx';
import type { PageProps } from '../index.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Insole, insoles, keyed, type Team, teams, type Worker, workers } from './nouns.ts';

interface Secret {
  readonly insole: string;
  readonly key: string;
}

export function Insoles(p: PageProps) {
  const at = idIn(p.rest);
  const [secret, setSecret] = useState<Secret | null>(null);
  const known = useGet(async () => ({ teams: await fetchAll(teams), workers: await fetchAll(workers) }), []);
  if (secret !== null) {
    return (
      <Once
        title={t('more.insoles.key', { insole: secret.insole })}
        says={t('more.insoles.keyOnce')}
        secret={secret.key}
        onDone={() => {
          setSecret(null);
          go(moreHref('insoles', secret.insole));
        }}
      />
    );
  }
  const nameOf = (worker: string) => known.value?.workers.find((w) => w.worker === worker)?.name ?? worker;
  if (at.is === 'list')
    return (
      <Things
        noun={insoles}
        make={t('more.insoles.make')}
        sub={(i) => [
          i.revoked ? t('more.insoles.revoked') : i.worker === '' ? t('more.insoles.unworn') : nameOf(i.worker),
          i.dialect,
          !i.revoked && i.team !== '' && teamName(i.team),
        ]}
      />
    );
  return (
    <Back page="insoles" title={t('more.insoles.title')}>
      <Editor
        key={at.id}
        noun={insoles}
        id={at.id}
        noDrop
        lines={(i) => insoleLines(i, nameOf)}
        fields={(e) => <InsoleFields edit={e} teams={known.value?.teams ?? []} workers={known.value?.workers ?? []} />}
        beside={(i, again) => <KeyPart insole={i} again={again} onKey={setSecret} />}
        onMade={(made) => {
          const key = 'key' in made && typeof made.key === 'string' ? made.key : '';
          if (key === '') go(moreHref('insoles'));
          else setSecret({ insole: made.insole, key });
        }}
      />
    </Back>
  );
}

function insoleLines(i: Insole, nameOf: (worker: string) => string): readonly Line[] {
  return [
    [t('more.insoles.id'), i.insole],
    [t('more.insoles.dialect'), i.dialect],
    [t('more.insoles.worker'), nameOf(i.worker)],
    [t('more.team'), teamName(i.team)],
    [t('more.insoles.state'), t(i.revoked ? 'more.insoles.revoked' : 'more.insoles.valid')],
  ];
}

function InsoleFields(p: { edit: Edit<Insole>; teams: readonly Team[]; workers: readonly Worker[] }) {
  const { value, set, faults, isNew } = p.edit;
  const free = p.workers.filter((w) => w.insole === '' || w.insole === value.insole);
  return (
    <>
      {isNew ? (
        <>
          <SelectField
            at="dialect"
            label={t('more.insoles.dialect')}
            faults={faults}
            value={value.dialect}
            options={[
              ['sole', 'SOLE/1'],
              ['teltonika', 'Teltonika'],
            ]}
            onInput={(dialect) => set({ dialect })}
          />
          <TextField
            at="insole"
            label={t(value.dialect === 'teltonika' ? 'more.insoles.imei' : 'more.insoles.id')}
            hint={t(value.dialect === 'teltonika' ? 'more.insoles.imeiHint' : 'more.insoles.idHint')}
            faults={faults}
            value={value.insole}
            onInput={(insole) => set({ insole: insole.trim() })}
            input={{
              autocomplete: 'off',
              spellcheck: false,
              inputMode: value.dialect === 'teltonika' ? 'numeric' : 'text',
            }}
          />
        </>
      ) : (
        <p class="sub">
          <span class="figures">{value.insole}</span>
          <span>{value.dialect}</span>
          {value.revoked && <span class="tag strong">{t('more.insoles.revoked')}</span>}
        </p>
      )}
      {!value.revoked && (
        <>
          <SelectField
            at="worker"
            label={t('more.insoles.worker')}
            faults={faults}
            value={value.worker}
            options={[['', t('more.insoles.unworn')], ...free.map((w) => [w.worker, w.name] as const)]}
            onInput={(worker) => set({ worker })}
          />
          {value.worker === '' && (
            <SelectField
              at="team"
              label={t('more.insoles.team')}
              hint={t('more.insoles.teamHint')}
              faults={faults}
              value={value.team}
              options={[
                ...(value.team === '' ? [['', t('more.choose')] as const] : []),
                ...p.teams.map((x) => [x.team, x.name] as const),
              ]}
              onInput={(team) => set({ team })}
            />
          )}
        </>
      )}
    </>
  );
}

// Both are about the version that is shown, and are asked about once more.
function KeyPart(p: { insole: Insole; again: () => void; onKey: (s: Secret) => void }) {
  const { insole } = p;
  const [asking, setAsking] = useState<'rotate' | 'revoke' | null>(null);
  const [waiting, setWaiting] = useState(false);

  async function act(): Promise<void> {
    if (asking === null || waiting || !canSave()) return;
    setWaiting(true);
    const path = `/api/insoles/${encodeURIComponent(insole.insole)}/${asking}`;
    const match = { 'If-Match': `"${insole.version}"` };
    try {
      if (asking === 'rotate') {
        const { value } = await ask('POST', path, keyed, undefined, undefined, match);
        p.onKey({ insole: insole.insole, key: value.key });
      } else {
        await ask('POST', path, object({}), undefined, undefined, match);
        say(t('more.insoles.revokedDone', { insole: insole.insole }));
      }
    } catch (err) {
      say(saidOf(err), true);
    } finally {
      setWaiting(false);
      setAsking(null);
      p.again();
    }
  }

  return (
    <section class="aside">
      <h3>{t('more.insoles.keyTitle')}</h3>
      <p class="sub">
        {insole.madeMs > 0 && <span>{t('more.insoles.made', { at: dateOf(insole.madeMs) })}</span>}
        {insole.keyMs > 0 && <span>{t('more.insoles.keyed', { at: dateOf(insole.keyMs) })}</span>}
        {insole.keyMs === 0 && <span>{t('more.insoles.noKey')}</span>}
      </p>
      {mayEdit() && !insole.revoked && asking === null && (
        <div class="form-acts">
          {insole.dialect === 'sole' && (
            <button type="button" class="plain" disabled={!canSave()} onClick={() => setAsking('rotate')}>
              {t('more.insoles.rotate')}
            </button>
          )}
          <button type="button" class="plain bad" disabled={!canSave()} onClick={() => setAsking('revoke')}>
            {t('more.insoles.revoke')}
          </button>
        </div>
      )}
      {asking !== null && (
        <Sure
          says={t(asking === 'rotate' ? 'more.insoles.rotateSure' : 'more.insoles.revokeSure')}
          yes={t(asking === 'rotate' ? 'more.insoles.rotate' : 'more.insoles.revoke')}
          off={waiting || !canSave()}
          onYes={() => void act()}
          onNo={() => setAsking(null)}
        />
      )}
    </section>
  );
}

export function dateOf(atMs: number): string {
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium' }).format(atMs);
  return `${day}, ${clock(atMs)}`;
}
