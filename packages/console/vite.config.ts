import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  // The other packages are read as source, so that no build has to come before this one.
  resolve: { conditions: ['@switchboard/source', 'module', 'browser', 'import', 'default'] },
  build: {
    outDir: 'dist/site',
    target: 'es2022',
    emptyOutDir: true,
    // The page's policy allows no `data:` but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One file: a part that is loaded later is missing when the server is away, or has been replaced.
    chunkSizeWarningLimit: 800,
  },
})
