import { readFile } from 'node:fs/promises';
import { defineConfig, type Plugin } from 'vite';

// The catalogue is shared with the pages and the API. Only the keys of this screen go to the browser.
function catalogue(): Plugin {
  return {
    name: 'solewatch-catalogue',
    enforce: 'pre',
    async load(id) {
      if (!/\/internal\/text\/catalogue\/[a-z]+\.json$/.test(id)) return null;
      this.addWatchFile(id);
      const all = JSON.parse(await readFile(id, 'utf8')) as Record<string, string>;
      return JSON.stringify(
        Object.fromEntries(Object.entries(all).filter(([key]) => /^(web|alarm\.kind)\./.test(key))),
      );
    },
  };
}

// In development the API and the WebSocket come from a running system, or from `npm run fake`.
const backend = process.env['BACKEND'] ?? 'http://localhost:8002';

export default defineConfig({
  plugins: [catalogue()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  json: { namedExports: false },
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 1200,
  },
  server: {
    fs: { allow: ['..'] },
    proxy: { '/api': backend, '/ws': { target: backend, ws: true } },
  },
});
