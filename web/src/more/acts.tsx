// What a supervisor can do about an alarm beside taking charge and resolving: more people at once, a word to the insole,
// a nuisance set aside.
import { useState } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { type Alarm, alarm as decode } from '../api/feed.ts';
import { shelvable } from '../state/incidents.ts';
import { n, t, word } from '../text/text.ts';
import { about, board, busy, canChange, say } from '../ui/state.ts';
import './form.css';

const hours = [1, 2, 4, 8];
const whyMax = 200;

async function act(alarm: Alarm, what: string, body: unknown, done: string): Promise<boolean> {
  const path = `/api/alarms/${encodeURIComponent(alarm.id)}/${what}`;
  const ok = await about(alarm.id, async () => (await ask('POST', path, decode, body)).value);
  if (ok) say(done);
  return ok;
}

export default function Acts(p: { alarm: Alarm }) {
  const { alarm } = p;
  const [asking, setAsking] = useState(false);
  const off = !canChange.value || busy.value.has(alarm.id);
  // While a covert call of the same worker is open nothing may be felt; the server says so too.
  const duress = [...board.value.alarms.values()].some((a) => a.worker === alarm.worker && a.kind === 'covert-sos');
  const button = (text: string, on: () => void) => (
    <button type="button" class="plain" disabled={off} onClick={on}>
      {text}
    </button>
  );
  return (
    <>
      <h3>
        {word('alarm.kind', alarm.kind)} <span class="sub figures">{alarm.reference}</span>
      </h3>
      <div class="acts">
        {button(t('more.acts.escalate'), () => {
          void act(alarm, 'escalate', { step: alarm.step }, t('more.acts.escalated'));
        })}
        {alarm.insole !== '' &&
          button(t('more.acts.fix'), () => {
            void act(alarm, 'signal', { signal: 'ask-fix' }, t('more.acts.asked'));
          })}
        {alarm.insole !== '' &&
          !duress &&
          button(t('more.acts.signal'), () => {
            void act(alarm, 'signal', { signal: 'signal' }, t('more.acts.asked'));
          })}
        {alarm.shelf &&
          button(t('more.acts.back'), () => {
            void act(alarm, 'unshelve', undefined, t('more.acts.isBack'));
          })}
        {!alarm.shelf && !asking && shelvable(alarm) && button(t('more.acts.aside'), () => setAsking(true))}
      </div>
      {alarm.state === 'taken' && <p class="sub">{t('more.acts.untakes')}</p>}
      {asking && <Aside alarm={alarm} off={off} close={() => setAsking(false)} />}
    </>
  );
}

function Aside(p: { alarm: Alarm; off: boolean; close: () => void }) {
  const [h, setH] = useState(1);
  const [why, setWhy] = useState('');
  const [all, setAll] = useState(false);
  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    const body = { minutes: h * 60, why: why.trim(), all };
    if (await act(p.alarm, 'shelve', body, t('more.acts.isAside', { n: h }))) p.close();
  }
  return (
    <form class="form" onSubmit={(e) => void submit(e)}>
      <p class="sub">{t('more.acts.asideWhat')}</p>
      <label class="field">
        <span>{t('more.acts.span')}</span>
        <select value={h} onChange={(e) => setH(Number(e.currentTarget.value))}>
          {hours.map((x) => (
            <option key={x} value={x}>
              {n('more.acts.hours', x)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{t('more.acts.why')}</span>
        <input required maxLength={whyMax} value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
      </label>
      <label class="check">
        <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} />
        <span>{t('more.acts.all')}</span>
      </label>
      <div class="acts">
        <button type="submit" class="primary" disabled={p.off || why.trim() === ''}>
          {t('more.acts.aside')}
        </button>
        <button type="button" class="plain" onClick={p.close}>
          {t('web.cancel')}
        </button>
      </div>
    </form>
  );
}
