import { defineConfig } from 'tsdown'

/**
 * The published files: `.` and `./sse`, as ES modules and CommonJS, each with its types. `tsc -b` writes the types that
 * the other packages of this repository check against to `dist/types`, apart from these.
 */
export default defineConfig({
  entry: { index: 'src/index.ts', sse: 'src/sse.ts' },
  format: ['esm', 'cjs'],
  platform: 'neutral',
  target: 'es2022',
  dts: true,
  sourcemap: true,
  outDir: 'dist',
  clean: ['dist/*.js', 'dist/*.cjs', 'dist/*.map', 'dist/*.ts', 'dist/*.cts'],
  fixedExtension: false,
  // Loaded only where there is no global WebSocket.
  deps: { neverBundle: ['ws'] },
})
