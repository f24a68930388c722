// The addresses: the board, a worker (#/w/…), an alarm (#/a/…), and every page that is fetched when it is opened
// (#/p/<name>/<rest>). They live behind "#" so that a plain file server can
// serve the page; /a/… as it stands in a text message is understood too, where the server answers it with this page.
import { signal } from '@preact/signals';

export type Route =
  | { readonly page: 'board' }
  | { readonly page: 'worker' | 'alarm'; readonly id: string }
  | { readonly page: 'more'; readonly name: string; readonly rest: string };

export function parse(path: string): Route {
  const more = /^#\/p\/([a-z]+)(?:\/([^?]*))?$/.exec(path);
  if (more?.[1]) return { page: 'more', name: more[1], rest: more[2] ?? '' };
  const found = /^#?\/(w|a)\/([^/?]+)\/?$/.exec(path);
  if (!found?.[2]) return { page: 'board' };
  try {
    return { page: found[1] === 'w' ? 'worker' : 'alarm', id: decodeURIComponent(found[2]) };
  } catch {
    return { page: 'board' };
  }
}

function here(): Route {
  return parse(location.hash === '' ? location.pathname : location.hash);
}

export const route = signal<Route>(here());

export function workerHref(id: string): string {
  return `#/w/${encodeURIComponent(id)}`;
}

export function alarmHref(id: string): string {
  return `#/a/${encodeURIComponent(id)}`;
}

export function moreHref(name: string, rest = ''): string {
  return `#/p/${name}${rest === '' ? '' : `/${rest}`}`;
}

// go opens an address of this page: one of the above, or '#/' for the board.
export function go(href: string): void {
  if (parse(href).page === 'board') history.pushState(null, '', '/');
  else location.hash = href;
  route.value = parse(href);
}

for (const event of ['popstate', 'hashchange']) {
  addEventListener(event, () => {
    route.value = here();
  });
}
