// Dark or light: as the system says, until somebody chooses.
import { signal } from '@preact/signals';

const dark = matchMedia('(prefers-color-scheme: dark)');
const chosen = localStorage.getItem('theme');
export const theme = signal<'dark' | 'light'>(
  chosen === 'dark' || chosen === 'light' ? chosen : dark.matches ? 'dark' : 'light',
);

dark.addEventListener('change', () => {
  if (localStorage.getItem('theme') === null) wear(dark.matches ? 'dark' : 'light', false);
});

export function dress(): void {
  document.documentElement.dataset['theme'] = theme.value;
  document
    .querySelector('meta[name=theme-color]')
    ?.setAttribute('content', theme.value === 'dark' ? '#0f1317' : '#f3f4f6');
}

export function wear(to: 'dark' | 'light', remember = true): void {
  if (remember) localStorage.setItem('theme', to);
  theme.value = to;
  dress();
}
