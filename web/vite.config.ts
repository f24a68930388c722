import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defineConfig, type Plugin } from 'vite';

// The catalogue is shared with the pages and the API. Only the keys of this screen go to the browser: those of the board at once,
// those of everything else (en.json?more) with the first page that is not the board.
function catalogue(): Plugin {
  return {
    name: 'solewatch-catalogue',
    enforce: 'pre',
    async load(id) {
      const found = /^(.*\/internal\/text\/catalogue\/[a-z]+\.json)(\?more)?$/.exec(id);
      if (!found?.[1]) return null;
      this.addWatchFile(found[1]);
      const ours = found[2] ? /^more\./ : /^(web|alarm\.kind|guess)\./;
      const all = JSON.parse(await readFile(found[1], 'utf8')) as Record<string, string>;
      const words = JSON.stringify(Object.fromEntries(Object.entries(all).filter(([key]) => ours.test(key))));
      return found[2] ? { code: `export default ${words};`, moduleType: 'js' } : words;
    },
  };
}

// The service worker knows the files of the shell: the page, what it loads first, and both languages. The map and the
// pages under more/ are kept when they are first used.
function shell(): Plugin {
  return {
    name: 'solewatch-shell',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const lazy = /^assets\/(map|more)/;
      const files = Object.keys(bundle).filter((name) => name.startsWith('assets/') && !lazy.test(name));
      const icons = ['icon-calm.svg', 'icon-alarm.svg', 'icon-unknown.svg', 'app.webmanifest'];
      const all = ['/', ...[...files, ...icons].sort().map((name) => `/${name}`)];
      const source = await readFile(new URL('scripts/shell.js', import.meta.url), 'utf8');
      const version = createHash('sha256').update(source).update(all.join()).digest('hex').slice(0, 12);
      this.emitFile({
        type: 'asset',
        fileName: 'sw.js',
        source: source.replace('@VERSION@', version).replace("['@FILES@']", JSON.stringify(all)),
      });
    },
  };
}

// Which language is wanted is known when the script runs, which is a round trip too late to ask for it: both are small, and come with the script.
function words(): Plugin {
  return {
    name: 'solewatch-words',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_, { bundle }) =>
        Object.keys(bundle ?? {})
          .filter((name) => /^assets\/(en|fr)-/.test(name))
          .map((name) => ({ tag: 'link', attrs: { rel: 'modulepreload', href: `/${name}` }, injectTo: 'head' })),
    },
  };
}

// In development the API and the WebSocket come from a running system, or from `npm run fake`.
const backend = process.env['BACKEND'] ?? 'http://localhost:8002';

export default defineConfig({
  plugins: [catalogue(), shell(), words()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  json: { namedExports: false },
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        chunkFileNames: (chunk) =>
          chunk.moduleIds.some((id) => id.includes('/src/more/') || id.endsWith('?more'))
            ? 'assets/more/[name]-[hash].js'
            : 'assets/[name]-[hash].js',
        // What the first screen loads is one file, whoever else uses parts of it: it packs better, and is one request.
        codeSplitting: {
          groups: [{ name: 'first', test: /\/web\/(src\/(main|api|feed|state|text|ui)|node_modules\/@?preact)/ }],
        },
      },
    },
  },
  server: {
    fs: { allow: ['..'] },
    proxy: { '/api': backend, '/ws': { target: backend, ws: true } },
  },
});
