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
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': controlPlane,
      '/health': controlPlane,
      '/workspace': { target: controlPlane, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
