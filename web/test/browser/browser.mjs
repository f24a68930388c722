// Finds a Chromium and says which: CHROMIUM, then the system's, then Playwright's own download.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

function find() {
  const named = process.env.CHROMIUM;
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const places = [...(named ? [named] : []), ...names.flatMap((n) => folders.map((f) => join(f, n)))];
  for (const place of places) {
    try {
      accessSync(place, constants.X_OK);
      return place;
    } catch {
      if (place === named) console.log(`browser: CHROMIUM=${named} cannot be run`);
    }
  }
  return chromium.executablePath();
}

// What a machine without a network or a display needs.
const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const drawn = [
  ...quiet,
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--autoplay-policy=document-user-activation-required',
];

// open starts a browser that can draw the map; plain() starts one that cannot.
export async function open() {
  const executablePath = find();
  const browser = await chromium.launch({ executablePath, args: drawn });
  console.log(`browser: ${executablePath}, ${browser.version()}`);
  let without = null;
  return {
    browser,
    plain: async () => {
      without ??= await chromium.launch({
        executablePath,
        args: [...quiet, '--disable-3d-apis', '--disable-software-rasterizer'],
      });
      return without;
    },
    close: async () => {
      await browser.close();
      await without?.close();
    },
  };
}
