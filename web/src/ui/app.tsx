import { t } from '../text/text.ts';
import { Board } from './board.tsx';
import { Mark, UnknownIcon } from './icons.tsx';
import { SignIn } from './signin.tsx';
import { session } from './state.ts';

export function App() {
  switch (session.value.is) {
    case 'out':
      return <SignIn />;
    case 'in':
      return <Board />;
    case 'asking':
      return (
        <main class="gate">
          <Mark size={40} />
          <p role="status">{t('web.asking')}</p>
        </main>
      );
    case 'away':
      return (
        <main class="gate">
          <UnknownIcon size={44} />
          <h1>{t('web.mode.UNAVAILABLE')}</h1>
          <p role="status">{t('web.awayGate')}</p>
        </main>
      );
  }
}
