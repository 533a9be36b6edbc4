#!/usr/bin/env node
import { existsSync } from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('switchboard is not built yet. In the clone, run: npm run build')
  process.exitCode = 1
}
