// Whom teams call, and whether their e-mail reaches them.
import { t } from '../../text/text.ts';
import { moreHref } from '../../ui/route.ts';
import { type Edit, Editor, fetchAll, fetchOne, type Line, SelectField, TextField, useGet } from '../form.tsx';
import type { PageProps } from '../index.tsx';
import { Back, idIn, Things } from './list.tsx';
import { type Contact, contacts, type Team, teams } from './nouns.ts';

export const locales = (): readonly (readonly [string, string])[] => [
  ['fr', 'Français'],
  ['en', 'English'],
];

export function Contacts(p: PageProps) {
  const at = idIn(p.rest);
  if (at.is === 'list')
    return <Things noun={contacts} make={t('more.contacts.make')} sub={(c) => [c.phone, c.email].filter(Boolean)} />;
  return (
    <Back page="contacts" title={t('more.contacts.title')}>
      <Editor
        key={at.id}
        noun={contacts}
        id={at.id}
        lines={contactLines}
        fields={(e) => <ContactFields edit={e} />}
        beside={(c) => <Subscriptions contact={c} />}
      />
    </Back>
  );
}

function contactLines(c: Contact): readonly Line[] {
  return [
    [t('more.name'), c.name],
    [t('more.phone'), c.phone],
    [t('more.email'), c.email],
    [t('more.locale'), locales().find(([l]) => l === c.locale)?.[1] ?? c.locale],
  ];
}

function ContactFields(p: { edit: Edit<Contact> }) {
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
        at="phone"
        label={t('more.phone')}
        hint={t('more.phone.hint')}
        faults={faults}
        value={value.phone}
        onInput={(phone) => set({ phone })}
        input={{ type: 'tel', autocomplete: 'off', inputMode: 'tel' }}
      />
      <TextField
        at="email"
        label={t('more.email')}
        hint={t('more.contacts.emailHint')}
        faults={faults}
        value={value.email}
        onInput={(email) => set({ email })}
        input={{ type: 'email', autocomplete: 'off', spellcheck: false }}
      />
      <SelectField
        at="locale"
        label={t('more.contacts.locale')}
        faults={faults}
        value={value.locale}
        options={value.locale === '' ? [['', t('more.default')], ...locales()] : locales()}
        onInput={(locale) => set({ locale })}
      />
    </>
  );
}

// calls says whether a team's policy reaches contact by e-mail.
export function mails(team: Team, contact: string): boolean {
  return team.steps.some((s) => s.contacts.includes(contact) && s.channels.includes('email'));
}

// Each team has its own list of addresses, which AWS asks each of them to confirm.
function Subscriptions(p: { contact: Contact }) {
  const { contact } = p;
  const { value, problem, again } = useGet(async () => {
    const calling = (await fetchAll(teams)).filter((team) =>
      team.steps.some((s) => s.contacts.includes(contact.contact)),
    );
    return Promise.all(calling.map((team) => (mails(team, contact.contact) ? fetchOne(teams, team.team) : team)));
  }, [contact]);
  return (
    <section class="aside">
      <h3>{t('more.contacts.teams')}</h3>
      {problem !== null && <p class="sub">{problem}</p>}
      {value?.length === 0 && <p class="sub">{t('more.contacts.noTeam')}</p>}
      <ul class="plain-list">
        {value?.map((team) => (
          <li key={team.team}>
            <a href={moreHref('teams', team.team)}>{team.name}</a>
            {mails(team, contact.contact) && <Confirmation team={team} contact={contact.contact} />}
          </li>
        ))}
      </ul>
      {value?.some((team) => mails(team, contact.contact) && team.confirmed[contact.contact] !== true) && (
        <button type="button" class="plain" onClick={again}>
          {t('more.again')}
        </button>
      )}
    </section>
  );
}

export function Confirmation(p: { team: Team; contact: string }) {
  const is = p.team.confirmed[p.contact];
  return (
    <span class={`tag ${is === false ? 'strong' : ''}`}>
      {t(is === undefined ? 'more.contacts.unknown' : is ? 'more.contacts.confirmed' : 'more.contacts.unconfirmed')}
    </span>
  );
}
