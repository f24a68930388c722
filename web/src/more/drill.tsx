// An exercise: as though a worker had pressed. What will happen is said before anything does.
import { useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { alarm } from '../api/feed.ts';
import { mayChange } from '../state/mode.ts';
import { t } from '../text/text.ts';
import { alarmHref, go, workerHref } from '../ui/route.ts';
import { board, mode, saidOf, teamName } from '../ui/state.ts';
import type { PageProps } from './index.tsx';

const noteMax = 500;

export default function Drill(p: PageProps) {
  const id = decodeURIComponent(p.rest);
  const worker = board.value.workers.get(id);
  const [note, setNote] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  if (!worker) return <p class="empty">{t('web.panel.noWorker')}</p>;
  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    setAsking(true);
    try {
      const { value } = await ask('POST', '/api/drills', alarm, { worker: id, note: note.trim() });
      go(alarmHref(value.id));
    } catch (err) {
      setProblem(saidOf(err));
      setAsking(false);
    }
  }
  return (
    <form class="form" onSubmit={(e) => void submit(e)}>
      <p>
        <strong>{worker.name}</strong>
        {worker.team !== '' && ` · ${teamName(worker.team)}`}
      </p>
      <p>{t('more.drill.what')}</p>
      <p>{t('more.drill.unfelt')}</p>
      <label class="field">
        <span>{t('more.drill.note')}</span>
        <textarea rows={2} maxLength={noteMax} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
      </label>
      {problem !== null && <p role="alert">{problem}</p>}
      <div class="acts">
        <button type="submit" class="primary" disabled={asking || !mayChange(mode.value)}>
          {t('more.drill.go')}
        </button>
        <a class="button plain" href={workerHref(id)}>
          {t('web.cancel')}
        </a>
      </div>
    </form>
  );
}
