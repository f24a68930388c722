// Every word on the screen comes from the catalogue that the pages and the API use too.
import { signal } from '@preact/signals';
import type en from '../../../internal/text/catalogue/en.json';

export type Key = Extract<
  keyof typeof en,
  `web.${string}` | `more.${string}` | `alarm.kind.${string}` | `guess.${string}`
>;

// Keys that come in plural forms: web.x.one, web.x.other.
export type PluralKey = Key extends infer K
  ? K extends `${infer Stem}.other`
    ? Exclude<Stem, 'web.reason'>
    : never
  : never;

export type Lang = 'en' | 'fr';
export const langs: readonly Lang[] = ['fr', 'en'];

type Catalogue = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, string | number>>;

export const lang = signal<Lang>('en');
const catalogue = signal<Catalogue>({});

const loaders: Record<Lang, () => Promise<{ default: Catalogue }>> = {
  en: () => import('../../../internal/text/catalogue/en.json'),
  fr: () => import('../../../internal/text/catalogue/fr.json'),
};

// The words of what is fetched only when somebody opens it, under more.
const moreLoaders: Record<Lang, () => Promise<{ default: Catalogue }>> = {
  en: () => import('../../../internal/text/catalogue/en.json?more'),
  fr: () => import('../../../internal/text/catalogue/fr.json?more'),
};
let wantsMore = false;

// speak changes the language of the page; it resolves when the words are there.
export async function speak(to: Lang): Promise<void> {
  const loads = wantsMore ? [loaders[to](), moreLoaders[to]()] : [loaders[to]()];
  const words = (await Promise.all(loads)).map((m) => m.default);
  catalogue.value = Object.assign({}, ...words);
  lang.value = to;
  document.documentElement.lang = to;
}

// speakMore fetches the words under more. too; pages that are fetched late wait for it.
export async function speakMore(): Promise<void> {
  if (wantsMore) return;
  wantsMore = true;
  try {
    await speak(lang.value);
  } catch (err) {
    wantsMore = false;
    throw err;
  }
}

// langOf chooses a language from a user's locale or the browser's wishes, French when neither says English first.
export function langOf(wishes: readonly string[]): Lang {
  for (const wish of wishes) {
    const short = wish.slice(0, 2).toLowerCase();
    if (short === 'fr' || short === 'en') return short;
  }
  return 'en';
}

export function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}

// t is the text of key in the page's language.
export function t(key: Key, values: Values = {}): string {
  return fill(catalogue.value[key] ?? key, values);
}

// has says whether the catalogue knows key: for words that come from the server (a kind of alarm, a posture).
export function has(key: string): key is Key {
  return key in catalogue.value;
}

// word is the text for a word of the server's, and the word itself when the catalogue has none.
export function word(
  family:
    | 'alarm.kind'
    | 'guess'
    | 'more.is.how'
    | 'more.is.checked'
    | 'web.posture'
    | 'web.reason'
    | 'web.log'
    | 'web.who'
    | 'web.page'
    | 'web.channel'
    | 'web.source',
  value: string,
): string {
  const key = `${family}.${value}`;
  return has(key) ? t(key) : value;
}

const rules = new Map<Lang, readonly [Intl.PluralRules, Intl.NumberFormat]>();

function made(l: Lang): readonly [Intl.PluralRules, Intl.NumberFormat] {
  const had = rules.get(l) ?? ([new Intl.PluralRules(l), new Intl.NumberFormat(l)] as const);
  rules.set(l, had);
  return had;
}

// n is the text of key for a number of things.
export function n(key: PluralKey, count: number, values: Values = {}): string {
  const form = made(lang.value)[0].select(count);
  const exact = `${key}.${form}`;
  const found = has(exact) ? exact : `${key}.other`;
  return fill(catalogue.value[found] ?? key, { n: made(lang.value)[1].format(count), ...values });
}
