import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

declare const process: { env: Record<string, string | undefined> }; // Node's; the page itself has no types of Node

// The page is served by the node itself, from the same origin as the API.
// While the page is being developed, Vite hands what is not the page on to a
// node (or the mock of web/e2e), whose address CONSILIUM_URL names.
const node = process.env.CONSILIUM_URL ?? 'http://127.0.0.1:8089';
const absent = new URL('src/image/absent.ts', import.meta.url).pathname;
const served = ['/api', '/auth', '/dicomweb', '/fhir', '/openapi.json'];

export default defineConfig({
  plugins: [react()],
  // vtk.js and the loader's parser ask for these two modules of Node; "url/" and
  // "events/" are the packages of that name, not Vite's empty stand-ins.
  // The codecs' Node half asks for "fs" and "path", which a browser never reaches.
  resolve: { alias: { events: 'events/', url: 'url/', fs: absent, path: absent } },
  worker: { format: 'es', rolldownOptions: { checks: { pluginTimings: false } } },
  // Pre-bundling would part the loader from its worker and its codecs.
  optimizeDeps: {
    exclude: ['@cornerstonejs/dicom-image-loader'],
    include: ['dicom-parser'],
  },
  build: {
    outDir: '../dist.new', // scripts/web.sh puts it in the place of web/dist
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 4000,
    assetsInlineLimit: 0, // data: addresses would need a wider content security policy
    modulePreload: { polyfill: false },
    license: { fileName: 'licences.txt' }, // of everything in the bundle; the page links to it
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(served.map((path) => [path, { target: node, changeOrigin: false }])),
  },
});
