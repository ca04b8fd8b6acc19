import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Where `make up` puts the control plane. */
const controlPlane = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2023',
    // A data: URL would need more than `default-src 'self'`.
    assetsInlineLimit: 0,
    // What the first paint needs is one file, and the rest is fetched while nobody waits: it would save no round trip.
    modulePreload: false,
    // One file for all that the page needs at once; what can wait stays in files of its own.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'page', tags: ['$initial'] }] } } },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': controlPlane,
      '/health': controlPlane,
      '/workspace': { target: controlPlane, ws: true },
      '/fleet': { target: controlPlane, ws: true },
    },
  },
  // Tests run the code that browsers run, not what Svelte has for servers.
  ...(process.env['VITEST'] ? { resolve: { conditions: ['browser'] } } : {}),
  test: { include: ['src/**/*.test.ts'] },
});
