// The service worker: it keeps the shell, so that the page opens, and says that nothing is known, where there is no
// network. It never touches an answer of the API. The build puts the name of the cache and the files of the shell in.
const cache = 'shell-@VERSION@';
const shell = ['@FILES@'];
const patienceMs = 4_000;

addEventListener('install', (e) => {
  e.waitUntil(
    caches
      .open(cache)
      .then((c) => c.addAll(shell))
      .then(() => self.skipWaiting()),
  );
});

addEventListener('activate', (e) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((n) => n !== cache).map((n) => caches.delete(n))));
  e.waitUntil(old.then(() => self.clients.claim()));
});

addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname === '/') e.respondWith(page(e.request));
  else if (url.pathname.startsWith('/assets/') || shell.includes(url.pathname)) e.respondWith(file(e.request));
});

// The newest page where there is one, else the kept one.
async function page(request) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(patienceMs) });
    if (answer.ok) return answer;
  } catch {
    // No network, or too slow a one: the kept page will say so.
  }
  return (await caches.match('/')) ?? fetch(request);
}

// Files under assets carry the hash of their content in their name: the kept one is the right one.
async function file(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.status === 200) (await caches.open(cache)).put(request, answer.clone());
  return answer;
}
