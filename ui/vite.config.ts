import { fileURLToPath } from 'node:url';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  server: { port: 5173, strictPort: true },
  build: {
    // The content-security policy allows no inline script and no data: font, so nothing is inlined.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // WebKitGTK 2.40 and newer.
    target: 'safari16.4',
    // Only index.html: dev.html is a page for the developer's eyes.
    rolldownOptions: { input: 'index.html' },
  },
  test: {
    // A machine that is busy with other things takes its time; a test that hangs still ends.
    testTimeout: 60_000,
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/testing/setup.ts'],
    // There is no canvas: what would be drawn is written down.
    alias: [{ find: /^uplot$/, replacement: fileURLToPath(new URL('src/testing/drawn.ts', import.meta.url)) }],
  },
});
