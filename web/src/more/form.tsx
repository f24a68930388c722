// The forms of every page under more/: fields that show what the server says of them, saving under the version that was
// read, and what somebody else saved meanwhile. Why no library: docs/adr.
import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, Problem } from '../api/client.ts';
import { type Decoder, list, object } from '../api/decode.ts';
import { mayChange } from '../state/mode.ts';
import { t } from '../text/text.ts';
import { Glyph } from '../ui/icons.tsx';
import { go, moreHref } from '../ui/route.ts';
import { me, mode, saidOf, say } from '../ui/state.ts';
import { draftOf, type Fault, faultsOf, fieldId, keep, rebased, same, under } from './form-draft.ts';
import './form.css';

export interface Versioned {
  readonly version: number;
}

// A Line says one thing about something that was set up, in words.
export type Line = readonly [name: string, text: string];

// A Noun is a kind of thing that people set up, as the API has it.
export interface Noun<T extends Versioned> {
  readonly page: string; // in the address of this page
  readonly path: string; // "/api/teams"
  readonly key: string; // of the list in the answer: "teams"
  readonly decode: Decoder<T>;
  readonly id: (thing: T) => string;
  readonly title: (thing: T) => string;
  readonly blank: () => T;
  readonly body: (thing: T) => object; // what is sent
  readonly made?: Decoder<T>; // where the answer to POST is another
}

// whole reads fields as decode does, fills in what is absent, and keeps what this page does not know, so that it is sent back.
export function whole<T extends object>(defaults: T, decode: Decoder<Partial<T>>): Decoder<T> {
  return (value, path) => {
    const known = decode(value, path);
    const raw = Object.entries(value as object).filter(([, v]) => v !== null);
    return { ...defaults, ...Object.fromEntries(raw), ...known };
  };
}

const seg = encodeURIComponent;

export async function fetchAll<T extends Versioned>(noun: Noun<T>): Promise<readonly T[]> {
  const decode = object<Record<string, readonly T[]>>({ [noun.key]: list(noun.decode) });
  return (await ask('GET', noun.path, decode)).value[noun.key] ?? [];
}

export async function fetchOne<T extends Versioned>(noun: Noun<T>, id: string): Promise<T> {
  return (await ask('GET', `${noun.path}/${seg(id)}`, noun.decode)).value;
}

// save makes thing, or changes it if it still is what was read. There is no way here to change anything blindly.
export async function save<T extends Versioned>(noun: Noun<T>, id: string | null, thing: T): Promise<T> {
  if (id === null) return (await ask('POST', noun.path, noun.made ?? noun.decode, noun.body(thing))).value;
  if (thing.version < 1) throw new Error(`${noun.path}/${id} is to be changed without its version`);
  const body = { ...noun.body(thing), version: thing.version };
  return (await ask('PUT', `${noun.path}/${seg(id)}`, noun.decode, body)).value;
}

export async function remove<T extends Versioned>(noun: Noun<T>, id: string, version: number): Promise<void> {
  await ask('DELETE', `${noun.path}/${seg(id)}`, () => null, undefined, undefined, { 'If-Match': `"${version}"` });
}

// useGet fetches when the page opens, when of changes, and when the store is back.
export function useGet<T>(
  get: () => Promise<T>,
  of: readonly unknown[],
): { readonly value: T | null; readonly problem: string | null; readonly again: () => void } {
  const [state, setState] = useState<{ value: T | null; problem: string | null }>({ value: null, problem: null });
  const [turn, setTurn] = useState(0);
  const away = mode.value === 'UNAVAILABLE';
  useEffect(() => {
    let wanted = true;
    if (away) return undefined;
    get().then(
      (value) => wanted && setState({ value, problem: null }),
      (err: unknown) => wanted && setState((was) => ({ value: was.value, problem: saidOf(err) })),
    );
    return () => {
      wanted = false;
    };
  }, [...of, turn, away]);
  return { ...state, again: () => setTurn((n) => n + 1) };
}

// mayEdit says whether this person may change what is set up; canSave whether it can be changed now.
export const mayEdit = () => me.value?.role === 'admin';
export const canSave = () => mayEdit() && mayChange(mode.value);

// Edit is a form that is being filled in.
export interface Edit<T> {
  readonly value: T;
  readonly isNew: boolean;
  readonly faults: readonly Fault[];
  set(more: Partial<T>): void;
}

export function Editor<T extends Versioned>(p: {
  noun: Noun<T>;
  id: string | null; // null makes a new one
  lines: (thing: T) => readonly Line[];
  fields: (edit: Edit<T>) => ComponentChildren;
  check?: (thing: T) => readonly Fault[]; // what need not be sent to be known to be wrong
  beside?: ((thing: T, again: () => void) => ComponentChildren) | undefined;
  onMade?: ((made: T) => void) | undefined;
  keepsAfterSave?: boolean;
  noDrop?: boolean;
}) {
  const { noun, id } = p;
  const at = `${noun.page}/${id ?? 'new'}`;
  const {
    value: read,
    problem,
    again,
  } = useGet<T>(async () => (id === null ? noun.blank() : fetchOne(noun, id)), [at]);
  const [waiting, setWaiting] = useState(false);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const [said, setSaid] = useState<string | null>(null);
  const [theirs, setTheirs] = useState<T | null>(null);
  const [dropping, setDropping] = useState(false);
  const [tries, setTries] = useState(0); // that failed: each moves the focus to what is said of it
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (tries > 0) summary.current?.focus();
  }, [tries]);

  const draft = draftOf<T>(at) ?? (read === null ? undefined : { base: read, mine: read });
  if (draft === undefined) return <p role="status">{problem ?? t('web.loading')}</p>;
  const { base, mine } = draft;
  const dirty = !same(base, mine);
  if (!mayEdit()) {
    return (
      <>
        <Lines lines={p.lines(base)} />
        {p.beside?.(base, again)}
        <p class="sub">{t('more.form.adminOnly')}</p>
      </>
    );
  }

  function clear(): void {
    setFaults([]);
    setSaid(null);
    setTheirs(null);
  }

  async function failed(err: unknown): Promise<void> {
    if (err instanceof Problem && err.status === 412 && id !== null) {
      const now = await fetchOne(noun, id);
      if (!same(now, base)) {
        setTheirs(now);
        return;
      }
    }
    const found = faultsOf(err);
    setFaults(found);
    if (found.length === 0) setSaid(saidOf(err));
    // Stored although something else went wrong: what is there now is what was sent.
    if (err instanceof Problem && err.type === 'topics-away' && id !== null) {
      keep(at, null);
      again();
    }
  }

  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (waiting || !canSave()) return;
    const wrong = p.check?.(mine) ?? [];
    clear();
    if (wrong.length > 0) {
      setFaults(wrong);
      setTries((n) => n + 1);
      return;
    }
    setWaiting(true);
    try {
      const saved = await save(noun, id, mine);
      keep(at, null);
      say(t('more.form.saved', { name: noun.title(saved) }));
      if (p.onMade && id === null) p.onMade(saved);
      else if (p.keepsAfterSave && id !== null) again();
      else go(moreHref(noun.page));
    } catch (err) {
      await failed(err).catch((e2: unknown) => setSaid(saidOf(e2)));
      setTries((n) => n + 1);
    } finally {
      setWaiting(false);
    }
  }

  async function drop(): Promise<void> {
    if (id === null || waiting || !canSave()) return;
    setWaiting(true);
    clear();
    try {
      await remove(noun, id, base.version);
      keep(at, null);
      say(t('more.form.removed', { name: noun.title(base) }));
      go(moreHref(noun.page));
    } catch (err) {
      setDropping(false);
      await failed(err).catch((e2: unknown) => setSaid(saidOf(e2)));
      setTries((n) => n + 1);
    } finally {
      setWaiting(false);
    }
  }

  const edit: Edit<T> = {
    value: mine,
    isNew: id === null,
    faults,
    set(more) {
      const now = draftOf<T>(at) ?? draft;
      keep(at, { base: now.base, mine: { ...now.mine, ...more } });
      // What was wrong with a field may be right now: only the server can tell.
      const touched = Object.keys(more);
      if (faults.length > 0) setFaults(faults.filter((f) => !touched.some((key) => under([f], key).length > 0)));
    },
  };
  return (
    <form class="form" noValidate onSubmit={(e) => void submit(e)}>
      <div ref={summary} class="form-says" tabIndex={-1} role="alert">
        {said !== null && <p class="form-problem">{said}</p>}
        {faults.length > 0 && (
          <div class="form-problem">
            <p>{t('more.form.faults')}</p>
            <ul>
              {faults.map((f) => (
                <li key={`${f.at} ${f.says}`}>
                  <button type="button" class="link" onClick={() => seek(f.at)}>
                    {f.says}
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
        {theirs !== null && (
          <Theirs
            lines={p.lines}
            base={base}
            mine={mine}
            theirs={theirs}
            onMine={() => {
              keep(at, rebased(draft, theirs));
              clear();
              again();
            }}
            onTheirs={() => {
              keep(at, null);
              clear();
              again();
            }}
          />
        )}
      </div>
      {p.fields(edit)}
      <div class="form-acts">
        <button type="submit" class="primary" disabled={waiting || !canSave() || theirs !== null}>
          {t(waiting ? 'more.form.saving' : id === null ? 'more.form.make' : 'more.form.save')}
        </button>
        <button
          type="button"
          class="plain"
          disabled={waiting || (!dirty && id !== null)}
          onClick={() => {
            keep(at, null);
            clear();
            if (id === null) go(moreHref(noun.page));
          }}
        >
          {t(id === null ? 'web.cancel' : 'more.form.undo')}
        </button>
        {dirty && <span class="sub">{t('more.form.unsaved')}</span>}
        {!mayChange(mode.value) && <span class="sub">{t('more.form.away')}</span>}
      </div>
      {p.beside && id !== null && p.beside(base, again)}
      {id !== null && !p.noDrop && (
        <div class="form-acts">
          {dropping ? (
            <Sure
              says={t('more.form.dropSure', { name: noun.title(base) })}
              yes={t('more.form.drop')}
              off={waiting || !canSave()}
              onYes={() => void drop()}
              onNo={() => setDropping(false)}
            />
          ) : (
            <button type="button" class="plain bad" disabled={!canSave()} onClick={() => setDropping(true)}>
              {t('more.form.drop')}
            </button>
          )}
        </div>
      )}
    </form>
  );
}

// seek moves to the field at, or to what it is in.
function seek(at: string): void {
  for (let path = at; path !== ''; path = path.slice(0, Math.max(0, path.search(/[.[][^.[]*$/)))) {
    const found = document.getElementById(fieldId(path));
    if (found) {
      found.focus();
      return;
    }
  }
  document.querySelector<HTMLElement>('.form input, .form select, .form textarea')?.focus();
}

function Lines(p: { lines: readonly Line[] }) {
  return (
    <dl class="form-lines">
      {p.lines.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text === '' ? '–' : text}</dd>
        </div>
      ))}
    </dl>
  );
}

// What somebody else saved meanwhile, beside what was typed here.
function Theirs<T>(p: {
  lines: (thing: T) => readonly Line[];
  base: T;
  mine: T;
  theirs: T;
  onMine: () => void;
  onTheirs: () => void;
}) {
  const [base, mine, theirs] = [p.lines(p.base), p.lines(p.mine), p.lines(p.theirs)].map((l) => new Map(l));
  const names = [...new Set([...(theirs?.keys() ?? []), ...(mine?.keys() ?? [])])];
  const differing = names.filter((n) => base?.get(n) !== theirs?.get(n) || base?.get(n) !== mine?.get(n));
  return (
    <div class="form-problem">
      <p>
        <strong>{t('more.form.changed')}</strong>
      </p>
      <div class="form-table">
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">{t('more.form.before')}</th>
              <th scope="col">{t('more.form.theirs')}</th>
              <th scope="col">{t('more.form.mine')}</th>
            </tr>
          </thead>
          <tbody>
            {differing.map((n) => (
              <tr key={n}>
                <th scope="row">{n}</th>
                {[base, theirs, mine].map((m, i) => (
                  <td key={i}>{m?.get(n) || '–'}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="form-acts">
        <button type="button" class="primary" onClick={p.onMine}>
          {t('more.form.keepMine')}
        </button>
        <button type="button" class="plain" onClick={p.onTheirs}>
          {t('more.form.takeTheirs')}
        </button>
      </div>
    </div>
  );
}

// Sure asks once more, where the button was.
export function Sure(p: { says: string; yes: string; off: boolean; onYes: () => void; onNo: () => void }) {
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []);
  return (
    <div class="form-sure">
      <p id="sure-says">{p.says}</p>
      <div class="form-acts">
        <button type="button" class="plain bad" disabled={p.off} aria-describedby="sure-says" onClick={p.onYes}>
          {p.yes}
        </button>
        <button ref={no} type="button" class="plain" aria-describedby="sure-says" onClick={p.onNo}>
          {t('web.cancel')}
        </button>
      </div>
    </div>
  );
}

interface FieldProps {
  at: string;
  label: string;
  hint?: string | undefined;
  faults: readonly Fault[];
}

interface Attributes {
  readonly id: string;
  readonly 'aria-describedby': string;
  readonly 'aria-invalid': boolean;
}

// Field is a label, what it belongs to, and what is wrong with it.
export function Field(p: FieldProps & { children: (attributes: Attributes) => ComponentChildren }) {
  const id = fieldId(p.at);
  const wrong = under(p.faults, p.at);
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      {p.children({ id, 'aria-describedby': `${id}-says`, 'aria-invalid': wrong.length > 0 })}
      <p id={`${id}-says`} class={wrong.length > 0 ? 'wrong' : 'sub'}>
        {wrong.length > 0 ? wrong.map((f) => f.says).join(' ') : p.hint}
      </p>
    </div>
  );
}

export function TextField(
  p: FieldProps & {
    value: string;
    onInput: (value: string) => void;
    input?: InputHTMLAttributes<HTMLInputElement>;
  },
) {
  return (
    <Field {...p}>
      {(a) => <input {...a} {...p.input} value={p.value} onInput={(e) => p.onInput(e.currentTarget.value)} />}
    </Field>
  );
}

export function SelectField(
  p: FieldProps & {
    value: string;
    options: readonly (readonly [value: string, label: string])[];
    onInput: (value: string) => void;
  },
) {
  // A value that is no longer offered stays visible, and stays what it is until somebody chooses.
  const known = p.options.some(([v]) => v === p.value);
  return (
    <Field {...p}>
      {(a) => (
        <select {...a} value={p.value} onChange={(e) => p.onInput(e.currentTarget.value)}>
          {!known && <option value={p.value}>{p.value}</option>}
          {p.options.map(([v, label]) => (
            <option key={v} value={v}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

// MinutesField shows seconds as minutes. What nobody touches stays to the second.
export function MinutesField(p: FieldProps & { seconds: number; onInput: (seconds: number) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <Field {...p}>
      {(a) => (
        <span class="unit">
          <input
            {...a}
            type="number"
            min="0"
            step="any"
            inputMode="decimal"
            value={typed ?? String(Math.round((p.seconds / 60) * 100) / 100)}
            onInput={(e) => {
              setTyped(e.currentTarget.value);
              p.onInput(Math.round((e.currentTarget.valueAsNumber || 0) * 60));
            }}
            onBlur={() => setTyped(null)}
          />
          <span>{t('more.form.minutes')}</span>
        </span>
      )}
    </Field>
  );
}

export function Check(p: { label: string; checked: boolean; onChange: (on: boolean) => void; id?: string }) {
  return (
    <label class="check">
      <input
        {...(p.id === undefined ? {} : { id: p.id })}
        type="checkbox"
        checked={p.checked}
        onChange={(e) => p.onChange(e.currentTarget.checked)}
      />
      <span>{p.label}</span>
    </label>
  );
}

// Once shows a secret that nobody can be shown again.
export function Once(p: { title: string; secret: string; says: string; onDone: () => void }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <section class="once">
      <h3 ref={title} tabIndex={-1}>
        {p.title}
      </h3>
      <p>{p.says}</p>
      <p class="secret figures">{p.secret}</p>
      <div class="form-acts">
        <button
          type="button"
          class="primary"
          onClick={() => {
            navigator.clipboard.writeText(p.secret).then(
              () => say(t('web.copied')),
              () => say(t('more.form.noCopy'), true),
            );
          }}
        >
          <Glyph name="copy" />
          {t('more.form.copy')}
        </button>
        <button type="button" class="plain" onClick={p.onDone}>
          {t('more.form.noted')}
        </button>
      </div>
    </section>
  );
}
