// Users: who signs in, and as what.
import { useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { go, moreHref } from '../../ui/route.ts';
import { saidOf, say } from '../../ui/state.ts';
import { canSave, type Edit, Editor, type Line, Once, SelectField, Sure, save, TextField } from '../form.tsx';
import type { PageProps } from '../index.tsx';
import { locales } from './contacts.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type User, users } from './nouns.ts';

const roles = ['viewer', 'supervisor', 'admin'] as const;
const roleName = (role: string) =>
  t(role === 'admin' ? 'more.role.admin' : role === 'supervisor' ? 'more.role.supervisor' : 'more.role.viewer');

export function Users(p: PageProps) {
  const at = idIn(p.rest);
  const [secret, setSecret] = useState<{ readonly user: User; readonly password: string } | null>(null);
  if (secret !== null) {
    return (
      <Once
        title={t('more.users.password', { name: secret.user.name })}
        says={t('more.users.passwordOnce', { email: secret.user.email })}
        secret={secret.password}
        onDone={() => {
          setSecret(null);
          go(moreHref('users'));
        }}
      />
    );
  }
  if (at.is === 'list')
    return <Things noun={users} make={t('more.users.make')} sub={(u) => [roleName(u.role), u.email]} />;
  return (
    <Back page="users" title={t('more.users.title')}>
      <Editor
        key={at.id}
        noun={users}
        id={at.id}
        lines={userLines}
        fields={(e) => <UserFields edit={e} />}
        beside={(u, again) => (
          <NewPassword user={u} again={again} onPassword={(password) => setSecret({ user: u, password })} />
        )}
        onMade={(made) => {
          if (made.password === '') go(moreHref('users'));
          else setSecret({ user: made, password: made.password });
        }}
      />
    </Back>
  );
}

function userLines(u: User): readonly Line[] {
  return [
    [t('more.name'), u.name],
    [t('more.email'), u.email],
    [t('more.users.role'), roleName(u.role)],
    [t('more.locale'), locales().find(([l]) => l === u.locale)?.[1] ?? u.locale],
  ];
}

function UserFields(p: { edit: Edit<User> }) {
  const { value, set, faults } = p.edit;
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
      <TextField
        at="email"
        label={t('more.email')}
        hint={t('more.users.emailHint')}
        faults={faults}
        value={value.email}
        onInput={(email) => set({ email })}
        input={{ type: 'email', autocomplete: 'off', spellcheck: false, required: true }}
      />
      <SelectField
        at="role"
        label={t('more.users.role')}
        hint={t(
          value.role === 'admin'
            ? 'more.role.adminMay'
            : value.role === 'supervisor'
              ? 'more.role.supervisorMay'
              : 'more.role.viewerMay',
        )}
        faults={faults}
        value={value.role}
        options={roles.map((r) => [r, roleName(r)] as const)}
        onInput={(role) => set({ role })}
      />
      <SelectField
        at="locale"
        label={t('more.locale')}
        faults={faults}
        value={value.locale}
        options={value.locale === '' ? [['', t('more.default')], ...locales()] : locales()}
        onInput={(locale) => set({ locale })}
      />
    </>
  );
}

// newPassword is twenty letters and digits in groups of five, without those that are taken for each other: 98 bits.
export function newPassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  let made = '';
  while (made.length < 20) {
    // Above the last whole multiple, some letters would be likelier than others.
    for (const byte of crypto.getRandomValues(new Uint8Array(32)))
      if (byte < 248 && made.length < 20) made += letters[byte % letters.length];
  }
  return made.replace(/(.{5})(?=.)/g, '$1-');
}

function NewPassword(p: { user: User; again: () => void; onPassword: (password: string) => void }) {
  const [asking, setAsking] = useState(false);
  const [waiting, setWaiting] = useState(false);
  async function give(): Promise<void> {
    if (waiting || !canSave()) return;
    setWaiting(true);
    const password = newPassword();
    try {
      await save(users, p.user.user, { ...p.user, password });
      p.onPassword(password);
    } catch (err) {
      say(saidOf(err), true);
    } finally {
      setWaiting(false);
      setAsking(false);
      p.again();
    }
  }
  return (
    <section class="aside">
      <h3>{t('more.users.passwordTitle')}</h3>
      {asking ? (
        <Sure
          says={t('more.users.passwordSure', { name: p.user.name })}
          yes={t('more.users.passwordNew')}
          off={waiting || !canSave()}
          onYes={() => void give()}
          onNo={() => setAsking(false)}
        />
      ) : (
        <div class="form-acts">
          <button type="button" class="plain" disabled={!canSave()} onClick={() => setAsking(true)}>
            {t('more.users.passwordNew')}
          </button>
        </div>
      )}
    </section>
  );
}
