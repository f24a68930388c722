// Pages that nobody needs in the first five seconds. Each is a chunk of its own; their words are those under more.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Key, speakMore, t } from '../text/text.ts';
import { moreHref } from '../ui/route.ts';
import { me, signOut } from '../ui/state.ts';
import { LangSwitch, ThemeSwitch } from '../ui/switches.tsx';
import './more.css';

export interface PageProps {
  readonly rest: string; // of the address, after the page's name: "" or "a/b"
}

type Load = () => Promise<{ readonly default: ComponentType<PageProps> }>;

interface Entry {
  readonly title: Key;
  readonly load: Load;
  readonly role?: 'viewer' | 'supervisor' | 'admin'; // the least that sees it in the menu; the API decides
  readonly unlisted?: true; // needs something in its address
}

const admin =
  (of: Exclude<keyof typeof import('./admin/index.tsx'), 'default'>): Load =>
  async () => ({
    default: (await import('./admin/index.tsx'))[of],
  });

// Every page, by its name in the address, in the order of the menu. A new page is a file in this folder and a line here.
const pages: Readonly<Record<string, Entry>> = {
  evacuate: { title: 'more.evac.title', load: () => import('./evacuate.tsx') },
  drill: { title: 'more.drill.title', load: () => import('./drill.tsx'), role: 'supervisor', unlisted: true },
  checkins: { title: 'more.check.title', load: () => import('./checkins.tsx') },
  replay: { title: 'more.replay.title', load: () => import('./replay.tsx'), role: 'supervisor', unlisted: true },
  why: { title: 'more.why.title', load: () => import('./why.tsx'), role: 'supervisor', unlisted: true },
  past: { title: 'more.past.title', load: admin('Past'), role: 'supervisor' },
  duty: { title: 'more.duty.title', load: () => import('./duty.tsx'), role: 'supervisor' },
  status: { title: 'more.status.title', load: () => import('./status.tsx'), role: 'supervisor' },
  health: { title: 'more.health.title', load: admin('Health'), role: 'supervisor' },
  teams: { title: 'more.teams.title', load: admin('Teams') },
  workers: { title: 'more.workers.title', load: admin('Workers') },
  insoles: { title: 'more.insoles.title', load: admin('Insoles'), role: 'supervisor' },
  contacts: { title: 'more.contacts.title', load: admin('Contacts'), role: 'supervisor' },
  zones: { title: 'more.zones.title', load: admin('Zones') },
  users: { title: 'more.users.title', load: admin('Users'), role: 'admin' },
  account: { title: 'more.account.title', load: admin('Account') },
};

const rank = { viewer: 1, supervisor: 2, admin: 3 } as const;

// ready resolves when the words are there.
export const ready = speakMore;

export function More(p: { name: string; rest: string }) {
  const entry = pages[p.name];
  const [page, setPage] = useState<{ readonly name: string; readonly is: ComponentType<PageProps> } | 'failed' | null>(
    null,
  );
  useEffect(() => {
    let left = false;
    setPage(null);
    entry?.load().then(
      (m) => left || setPage({ name: p.name, is: m.default }),
      () => left || setPage('failed'),
    );
    document.getElementById('more')?.focus();
    return () => {
      left = true;
    };
  }, [p.name]);
  return (
    <main class="more" id="more" tabIndex={-1}>
      <nav class={`more-nav ${p.name === 'menu' ? 'whole' : ''}`} aria-label={t('more.menu')}>
        <a href="#/" class="button quiet">
          {t('more.back')}
        </a>
        {Object.entries(pages)
          .filter(([, e]) => !e.unlisted && rank[me.value?.role ?? 'viewer'] >= rank[e.role ?? 'viewer'])
          .map(([name, e]) => (
            <a key={name} href={moreHref(name)} aria-current={name === p.name ? 'page' : undefined}>
              {t(e.title)}
            </a>
          ))}
      </nav>
      <section class="more-body">
        <h2 class={p.name === 'menu' ? 'unseen' : undefined}>{t(entry ? entry.title : 'more.menu')}</h2>
        {p.name === 'menu' && <Self />}
        {entry && page === null && <p role="status">{t('web.loading')}</p>}
        {entry && page === 'failed' && <p role="alert">{t('web.more.failed')}</p>}
        {page !== null && page !== 'failed' && page.name === p.name && <page.is rest={p.rest} />}
      </section>
    </main>
  );
}

// What the bar above has no room for on a phone.
function Self() {
  return (
    <div class="more-self">
      <LangSwitch />
      <ThemeSwitch />
      <button type="button" class="plain" onClick={() => void signOut()}>
        {t('web.signout', { name: me.value?.name ?? '' })}
      </button>
    </div>
  );
}
