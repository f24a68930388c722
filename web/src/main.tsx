import { render } from 'preact';
import { langOf, speak } from './text/text.ts';
import { App } from './ui/app.tsx';
import { stayAwake } from './ui/duty.ts';
import { keys } from './ui/keys.ts';
import { moveTheOldWay } from './ui/moved.ts';
import { signs } from './ui/signs.ts';
import { begin, wake } from './ui/state.ts';
import { dress } from './ui/theme.ts';

moveTheOldWay();
dress();
const chosen = localStorage.getItem('lang');
const words = speak(langOf(chosen === null ? navigator.languages : [chosen]));
const begun = begin(words);
await words;

const root = document.getElementById('app');
if (root) render(<App />, root);

signs();
addEventListener('keydown', keys);
document.addEventListener('visibilitychange', () => {
  wake();
  void stayAwake();
});
addEventListener('online', wake);
addEventListener('offline', wake);
if (import.meta.env.PROD && 'serviceWorker' in navigator)
  void navigator.serviceWorker.register('/sw.js').catch(() => undefined);
await begun;
