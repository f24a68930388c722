// One's own account: language and password.
import { useRef, useState } from 'preact/hooks';
import { api, ask, Problem } from '../../api/client.ts';
import { mayChange } from '../../state/mode.ts';
import { langOf, t } from '../../text/text.ts';
import { choose, me, mode, saidOf, say, session } from '../../ui/state.ts';
import { SelectField, TextField } from '../form.tsx';
import { type Fault, faultsOf } from '../form-draft.ts';
import type { PageProps } from '../index.tsx';
import { locales } from './contacts.tsx';

const minPassword = 10;

export function Account(_: PageProps) {
  const who = me.value;
  if (who === null) return null;
  return (
    <>
      <dl class="form-lines">
        <div>
          <dt>{t('more.name')}</dt>
          <dd>{who.name}</dd>
        </div>
        <div>
          <dt>{t('more.email')}</dt>
          <dd>{who.email ?? '–'}</dd>
        </div>
        <div>
          <dt>{t('more.users.role')}</dt>
          <dd>
            {t(
              who.role === 'admin'
                ? 'more.role.admin'
                : who.role === 'supervisor'
                  ? 'more.role.supervisor'
                  : 'more.role.viewer',
            )}
          </dd>
        </div>
      </dl>
      <p class="sub">{t('more.account.others')}</p>
      <Language locale={who.locale ?? ''} />
      <Password />
    </>
  );
}

async function change(body: object): Promise<void> {
  await ask('PUT', '/api/me', () => null, body);
  session.value = { is: 'in', me: await api.me() };
}

function Language(p: { locale: string }) {
  const [locale, setLocale] = useState(p.locale);
  const [waiting, setWaiting] = useState(false);
  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (waiting || !mayChange(mode.value)) return;
    setWaiting(true);
    if (await choose(langOf([locale]))) say(t('more.account.saved'));
    setWaiting(false);
  }
  return (
    <form class="form" onSubmit={(e) => void submit(e)}>
      <SelectField
        at="locale"
        label={t('more.locale')}
        hint={t('more.account.languageHint')}
        faults={[]}
        value={locale}
        options={locales()}
        onInput={setLocale}
      />
      <div class="form-acts">
        <button type="submit" class="primary" disabled={waiting || locale === '' || !mayChange(mode.value)}>
          {t('more.form.save')}
        </button>
      </div>
    </form>
  );
}

// What is typed here is in no draft: it is gone with the page.
function Password() {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [shown, setShown] = useState(false);
  const [waiting, setWaiting] = useState(false);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const [said, setSaid] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (waiting || !mayChange(mode.value)) return;
    setSaid(null);
    const own: Fault[] = [];
    if ([...password].length < minPassword)
      own.push({ at: 'password', says: t('more.account.short', { n: minPassword }) });
    if (password !== again) own.push({ at: 'again', says: t('more.account.differ') });
    setFaults(own);
    if (own.length > 0) {
      form.current?.querySelector<HTMLElement>(`#field-${own[0]?.at}`)?.focus();
      return;
    }
    setWaiting(true);
    try {
      await change({ current, password });
      for (const clear of [setCurrent, setPassword, setAgain]) clear('');
      say(t('more.account.passwordSaved'));
    } catch (err) {
      const found = faultsOf(err);
      setFaults(found);
      if (found.length === 0) setSaid(err instanceof Problem ? saidOf(err) : t('more.account.unsure'));
      form.current?.querySelector<HTMLElement>('input')?.focus();
    } finally {
      setWaiting(false);
    }
  }
  const type = shown ? { type: 'text' as const } : { type: 'password' as const };
  return (
    <form ref={form} class="form" noValidate onSubmit={(e) => void submit(e)}>
      <h3>{t('more.account.password')}</h3>
      <p class="sub">{t('more.account.passwordHint')}</p>
      <div class="form-says" role="alert">
        {said !== null && <p class="form-problem">{said}</p>}
      </div>
      <input type="text" name="username" autocomplete="username" value={me.value?.email ?? ''} hidden readOnly />
      <TextField
        at="current"
        label={t('more.account.current')}
        faults={faults}
        value={current}
        onInput={setCurrent}
        input={{ ...type, autocomplete: 'current-password', required: true }}
      />
      <TextField
        at="password"
        label={t('more.account.new')}
        hint={t('more.account.short', { n: minPassword })}
        faults={faults}
        value={password}
        onInput={setPassword}
        input={{ ...type, autocomplete: 'new-password', required: true }}
      />
      <TextField
        at="again"
        label={t('more.account.again')}
        faults={faults}
        value={again}
        onInput={setAgain}
        input={{ ...type, autocomplete: 'new-password', required: true }}
      />
      <div class="form-acts">
        <button type="submit" class="primary" disabled={waiting || current === '' || !mayChange(mode.value)}>
          {t('more.account.change')}
        </button>
        <button type="button" class="plain" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {t(shown ? 'web.signin.hide' : 'web.signin.show')}
        </button>
      </div>
    </form>
  );
}
