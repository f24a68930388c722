// The place of every page that is fetched only when it is opened. The state bar stays above it: whatever somebody is doing, an alarm is seen.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../text/text.ts';

type Body = ComponentType<{ readonly name: string; readonly rest: string }>;

export function MorePane(p: { name: string; rest: string }) {
  const [body, setBody] = useState<{ readonly is: Body } | 'failed' | null>(null);
  useEffect(() => {
    import('../more/index.tsx').then(
      async (m) => {
        await m.ready();
        setBody({ is: m.More });
      },
      () => setBody('failed'),
    );
  }, []);
  if (body === null || body === 'failed')
    return (
      <main class="more">
        <p role="status">{t(body === null ? 'web.loading' : 'web.more.failed')}</p>
      </main>
    );
  return <body.is name={p.name} rest={p.rest} />;
}
