// A list of what is set up, and the form of one of them.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { plain } from '../../state/people.ts';
import { n, t } from '../../text/text.ts';
import { moreHref } from '../../ui/route.ts';
import { fetchAll, mayEdit, type Noun, useGet, type Versioned } from '../form.tsx';
import { draftOf } from '../form-draft.ts';

const shownMost = 200;
const searchFrom = 9;

export function Things<T extends Versioned>(p: {
  noun: Noun<T>;
  make: string; // of the button that makes a new one
  sub: (thing: T) => readonly (string | false)[];
}) {
  const { noun } = p;
  const { value, problem } = useGet(() => fetchAll(noun), [noun]);
  const [words, setWords] = useState('');
  if (value === null) return <p role="status">{problem ?? t('web.loading')}</p>;
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  const found = value
    .filter((v) => {
      const hay = plain([noun.title(v), noun.id(v), ...p.sub(v)].join(' '));
      return wanted.every((w) => hay.includes(w));
    })
    .sort((a, b) => noun.title(a).localeCompare(noun.title(b)));
  return (
    <>
      {problem !== null && <p role="status">{problem}</p>}
      <div class="things-head">
        {value.length >= searchFrom && (
          <input
            type="search"
            aria-label={t('more.list.search')}
            placeholder={t('more.list.search')}
            value={words}
            onInput={(e) => setWords(e.currentTarget.value)}
          />
        )}
        {mayEdit() && (
          <a class="button primary" href={moreHref(noun.page, 'new')}>
            {p.make}
          </a>
        )}
      </div>
      {found.length === 0 && <p class="sub">{t(value.length === 0 ? 'more.list.none' : 'more.list.noMatch')}</p>}
      <ul class="things">
        {found.slice(0, shownMost).map((v) => (
          <li key={noun.id(v)}>
            <a href={moreHref(noun.page, encodeURIComponent(noun.id(v)))}>
              <strong>{noun.title(v)}</strong>
              <span class="sub">
                {draftOf(`${noun.page}/${noun.id(v)}`) && <span class="tag strong">{t('more.form.unsaved')}</span>}
                {p.sub(v).map((s) => s && <span key={s}>{s}</span>)}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {found.length > shownMost && <p class="sub">{n('more.list.rest', found.length - shownMost)}</p>}
    </>
  );
}

// Back leads from the form of one thing to the list it is in.
export function Back(p: { page: string; title: string; children: ComponentChildren }) {
  return (
    <>
      <p class="things-back">
        <a href={moreHref(p.page)}>{`← ${p.title}`}</a>
      </p>
      {p.children}
    </>
  );
}

// idIn reads what follows the page's name in the address: '' is the list, 'new' a form for a new one.
export function idIn(rest: string): { readonly is: 'list' } | { readonly is: 'form'; readonly id: string | null } {
  if (rest === '') return { is: 'list' };
  if (rest === 'new') return { is: 'form', id: null };
  try {
    return { is: 'form', id: decodeURIComponent(rest) };
  } catch {
    return { is: 'list' };
  }
}
