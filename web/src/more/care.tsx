// What responders must know of a worker, and who is close to them: shown when somebody asks, since each look is recorded, and set by an administrator.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { integer, list, object, text } from '../api/decode.ts';
import { stamp } from '../text/format.ts';
import { t } from '../text/text.ts';
import { Glyph } from '../ui/icons.tsx';
import { now } from '../ui/state.ts';
import './care.css';
import { type Edit, Editor, Field, type Line, type Noun, TextField, useGet, whole } from './form.tsx';

interface CareContact {
  readonly name: string;
  readonly phone: string;
  readonly relation: string;
}

interface Told {
  readonly note: string;
  readonly contacts: readonly CareContact[];
  readonly setAtMs: number;
  readonly setBy: string;
  readonly version: number;
}

const blankContact: CareContact = { name: '', phone: '', relation: '' };
const blank: Told = { note: '', contacts: [], setAtMs: 0, setBy: '', version: 1 };
const contactsMax = 3;

const decode = whole<Told>(
  blank,
  object(
    {
      note: text,
      contacts: list(whole<CareContact>(blankContact, object({ name: text, phone: text }, { relation: text }))),
      version: integer,
    },
    { setAtMs: integer, setBy: text },
  ),
);

const seg = encodeURIComponent;

// The care of one worker is a thing of its own: "care" under the worker's address.
const careOf = (worker: string): Noun<Told> => ({
  page: `workers/${seg(worker)}`,
  path: `/api/workers/${seg(worker)}`,
  key: '',
  decode,
  id: () => 'care',
  title: () => t('more.care.title'),
  blank: () => blank,
  body: (c) => ({
    note: c.note,
    contacts: c.contacts.map((p) => ({ name: p.name, phone: p.phone, ...(p.relation && { relation: p.relation }) })),
  }),
});

// Care is the panel's part: nothing is fetched before somebody asks.
export function Care(p: { worker: string }) {
  return <Asked>{() => <Shown worker={p.worker} />}</Asked>;
}

// CareForm is the administration's part, for which the same holds.
export function CareForm(p: { worker: string }) {
  return (
    <Asked>
      {() => (
        <Editor
          noun={careOf(p.worker)}
          id="care"
          lines={careLines}
          fields={(e) => <CareFields edit={e} />}
          keepsAfterSave
          noDrop
        />
      )}
    </Asked>
  );
}

function Asked(p: { children: () => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (open) title.current?.focus();
  }, [open]);
  return (
    <section class="care">
      <h3 ref={title} tabIndex={-1}>
        {t('more.care.title')}
      </h3>
      {open ? (
        p.children()
      ) : (
        <>
          <button type="button" class="plain" onClick={() => setOpen(true)}>
            {t('more.care.show')}
          </button>
          <p class="sub">{t('more.care.recorded')}</p>
        </>
      )}
    </section>
  );
}

function Shown(p: { worker: string }) {
  const { value, problem } = useGet<Told>(
    async () => (await ask('GET', `/api/workers/${seg(p.worker)}/care`, decode)).value,
    [p.worker],
  );
  if (value === null) return <p role="status">{problem ?? t('web.loading')}</p>;
  return (
    <>
      {value.note === '' && value.contacts.length === 0 && <p class="sub">{t('more.care.none')}</p>}
      {value.note !== '' && <p class="care-note">{value.note}</p>}
      {value.contacts.map((c) => (
        <a key={`${c.phone} ${c.name}`} class="button plain wide" href={`tel:${c.phone}`}>
          <Glyph name="phone" />
          <span>{c.relation === '' ? c.name : `${c.name} (${c.relation})`}</span>
          <span class="figures">{c.phone}</span>
        </a>
      ))}
      {value.setAtMs > 0 && (
        <p class="sub">
          {t('more.care.set', { name: value.setBy, when: stamp(value.setAtMs, now.value ?? value.setAtMs) })}
        </p>
      )}
    </>
  );
}

function careLines(c: Told): readonly Line[] {
  return [
    [t('more.care.note'), c.note],
    ...c.contacts.map(
      (p, i): Line => [
        t('more.care.contact', { n: i + 1 }),
        [p.name, p.phone, p.relation].filter((x) => x !== '').join(' · '),
      ],
    ),
  ];
}

function CareFields(p: { edit: Edit<Told> }) {
  const { value, set, faults } = p.edit;
  const change = (i: number, more: Partial<CareContact>) =>
    set({ contacts: value.contacts.map((c, n) => (n === i ? { ...c, ...more } : c)) });
  return (
    <>
      <Field at="note" label={t('more.care.note')} hint={t('more.care.noteHint')} faults={faults}>
        {(a) => <textarea {...a} rows={4} value={value.note} onInput={(e) => set({ note: e.currentTarget.value })} />}
      </Field>
      {value.contacts.map((c, i) => (
        <fieldset key={i}>
          <legend>{t('more.care.contact', { n: i + 1 })}</legend>
          <TextField
            at={`contacts[${i}].name`}
            label={t('more.care.name')}
            faults={faults}
            value={c.name}
            onInput={(name) => change(i, { name })}
            input={{ autocomplete: 'off', required: true }}
          />
          <TextField
            at={`contacts[${i}].phone`}
            label={t('more.care.phone')}
            hint={t('more.care.phoneHint')}
            faults={faults}
            value={c.phone}
            onInput={(phone) => change(i, { phone })}
            input={{ type: 'tel', autocomplete: 'off', inputMode: 'tel', required: true }}
          />
          <TextField
            at={`contacts[${i}].relation`}
            label={t('more.care.relation')}
            hint={t('more.care.relationHint')}
            faults={faults}
            value={c.relation}
            onInput={(relation) => change(i, { relation })}
            input={{ autocomplete: 'off' }}
          />
          <button
            type="button"
            class="plain"
            onClick={() => set({ contacts: value.contacts.filter((_, n) => n !== i) })}
          >
            {t('more.care.remove', { n: i + 1 })}
          </button>
        </fieldset>
      ))}
      {value.contacts.length < contactsMax && (
        <button type="button" class="plain" onClick={() => set({ contacts: [...value.contacts, blankContact] })}>
          {t('more.care.add')}
        </button>
      )}
    </>
  );
}
