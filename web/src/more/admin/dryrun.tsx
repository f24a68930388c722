// Who would be told when, if an alarm came now or at another time, and nobody answered. Nothing is stored or sent.
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.ts';
import { flag, integer, list, object, text } from '../../api/decode.ts';
import { hour, span } from '../../text/format.ts';
import { t, word } from '../../text/text.ts';
import { saidOf } from '../../ui/state.ts';
import { type Team, teams } from './nouns.ts';

const told = object({ channel: text, reachable: flag }, { contact: text, name: text, fallback: flag, why: text, text });
const answer = object({
  priority: integer,
  off: flag,
  nobody: flag,
  firstS: integer,
  unread: flag,
  steps: list(
    object({
      atMs: integer,
      afterS: integer,
      outOfHours: flag,
      place: integer,
      repeat: flag,
      reached: flag,
      told: list(told),
    }),
  ),
  faults: list(object({ location: text, message: text })),
});
type Answer = ReturnType<typeof answer>;

const kinds = ['sos', 'fall', 'no-motion', 'danger-zone', 'lost-contact', 'missed-check-in', 'low-battery'] as const;

export function DryRun(p: { team: Team; policy?: Team }) {
  const [kind, setKind] = useState('sos');
  const [at, setAt] = useState('');
  const [waiting, setWaiting] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const [found, setFound] = useState<Answer | null>(null);
  async function run(): Promise<void> {
    setWaiting(true);
    setSaid(null);
    const atMs = at === '' ? Number.NaN : new Date(at).getTime();
    const body = {
      kind,
      ...(Number.isFinite(atMs) ? { atMs } : {}),
      ...(p.policy ? { policy: teams.body(p.policy) } : {}),
    };
    try {
      setFound((await ask('POST', `/api/teams/${encodeURIComponent(p.team.team)}/dryrun`, answer, body)).value);
    } catch (err) {
      setFound(null);
      setSaid(saidOf(err));
    } finally {
      setWaiting(false);
    }
  }
  return (
    <section class="aside dry" aria-label={t('more.dry.title')}>
      <h3>{t('more.dry.title')}</h3>
      <p class="sub">{t(p.policy ? 'more.dry.hintDraft' : 'more.dry.hint')}</p>
      <div class="beside">
        <label class="field">
          <span>{t('more.past.kind')}</span>
          <select value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
            {kinds.map((k) => (
              <option key={k} value={k}>
                {word('alarm.kind', k)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t('more.dry.at')}</span>
          <input type="datetime-local" value={at} onInput={(e) => setAt(e.currentTarget.value)} />
        </label>
      </div>
      <div class="form-acts">
        <button type="button" class="plain" disabled={waiting} onClick={() => void run()}>
          {t('more.dry.run')}
        </button>
      </div>
      <div role="status">
        {said !== null && <p class="wrong">{said}</p>}
        {found !== null && <Found found={found} />}
      </div>
    </section>
  );
}

function Found(p: { found: Answer }) {
  const { found } = p;
  return (
    <>
      {found.faults.length > 0 && (
        <div class="form-problem">
          <p>{t('more.dry.faults')}</p>
          <ul>
            {found.faults.map((f) => (
              <li key={`${f.location} ${f.message}`}>{f.message}</li>
            ))}
          </ul>
        </div>
      )}
      {found.off ? (
        <p class="wrong">{t('more.dry.off')}</p>
      ) : found.nobody ? (
        <p class="wrong">{t('more.dry.nobody')}</p>
      ) : (
        <p>
          <strong>{t('more.dry.first', { span: span(found.firstS * 1000) })}</strong>
        </p>
      )}
      {found.unread && <p class="sub">{t('more.dry.unread')}</p>}
      <ol class="dry-steps">
        {found.steps.map((s) => (
          <li key={`${s.atMs} ${s.place}`} class={s.reached ? '' : 'unreached'}>
            <span class="figures">
              <strong>{t('more.dry.after', { span: span(s.afterS * 1000) })}</strong> <span>{hour(s.atMs)}</span>
            </span>
            <div>
              <p class="sub">
                <span>{t(s.outOfHours ? 'more.teams.outStep' : 'more.teams.step', { n: s.place })}</span>
                {s.repeat && <span>{t('more.dry.repeat')}</span>}
                {!s.reached && <span class="tag strong">{t('more.dry.unreached')}</span>}
              </p>
              <ul>
                {s.told.map((x) => (
                  <li key={`${x.contact ?? ''} ${x.channel}`} class={x.reachable ? '' : 'wrong'}>
                    {x.fallback ? t('more.teams.fallback') : (x.name ?? x.contact ?? '')} ·{' '}
                    {word('web.channel', x.channel)}
                    {x.text && ` · ${x.text}`}
                  </li>
                ))}
              </ul>
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}
