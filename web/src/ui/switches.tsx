import { lang, langs, t } from '../text/text.ts';
import { Glyph } from './icons.tsx';
import { choose } from './state.ts';
import { theme, wear } from './theme.ts';

export function LangSwitch() {
  const next = langs.find((l) => l !== lang.value) ?? 'en';
  return (
    <button
      type="button"
      class="quiet tool"
      lang={next}
      aria-label={next === 'fr' ? 'FR, français' : 'EN, English'}
      onClick={() => {
        void choose(next);
      }}
    >
      {next.toUpperCase()}
    </button>
  );
}

export function ThemeSwitch() {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="quiet tool theme"
      aria-label={t(next === 'dark' ? 'web.theme.dark' : 'web.theme.light')}
      onClick={() => wear(next)}
    >
      <Glyph name={next === 'dark' ? 'moon' : 'sun'} />
    </button>
  );
}
