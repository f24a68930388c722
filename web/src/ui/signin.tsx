import { useRef, useState } from 'preact/hooks';
import { t } from '../text/text.ts';
import { Mark } from './icons.tsx';
import { signIn } from './state.ts';
import { LangSwitch, ThemeSwitch } from './switches.tsx';

export function SignIn() {
  const [shown, setShown] = useState(false);
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);

  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (waiting) return;
    setWaiting(true);
    setProblem(null);
    const said = await signIn(email.current?.value.trim() ?? '', password.current?.value ?? '');
    setWaiting(false);
    if (said !== null) {
      setProblem(said);
      password.current?.focus();
      password.current?.select();
    }
  }

  return (
    <main class="gate">
      <form class="signin" onSubmit={(e) => void submit(e)} aria-labelledby="signin-title">
        <div class="brand">
          <Mark size={34} />
          <span>Solewatch</span>
        </div>
        <h1 id="signin-title">{t('web.signin.title')}</h1>
        <label class="field">
          <span>{t('web.signin.email')}</span>
          <input ref={email} type="email" name="email" autocomplete="username" required autofocus spellcheck={false} />
        </label>
        <div class="field">
          <label for="password">{t('web.signin.password')}</label>
          <div class="joined">
            <input
              id="password"
              ref={password}
              {...(shown ? { type: 'text' as const } : { type: 'password' as const })}
              name="password"
              autocomplete="current-password"
              required
            />
            <button type="button" class="quiet" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {t(shown ? 'web.signin.hide' : 'web.signin.show')}
            </button>
          </div>
        </div>
        <p class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary big" disabled={waiting}>
          {t(waiting ? 'web.signin.waiting' : 'web.signin.go')}
        </button>
        <div class="gate-switches">
          <LangSwitch />
          <ThemeSwitch />
        </div>
      </form>
    </main>
  );
}
