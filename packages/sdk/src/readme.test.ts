import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('every example of the README compiles', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(
    ([, code]) => code ?? '',
  )
  expect(blocks.length).toBeGreaterThan(5)
  // Within the package, so that its name and its types are found.
  const folder = mkdtempSync(join(root, 'readme-'))
  try {
    const lib = ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable']
    const options = {
      noEmit: true,
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      emitDeclarationOnly: false,
      rootDir: '..',
      lib,
    }
    const config = {
      extends: '../../../tsconfig.base.json',
      compilerOptions: { ...options, types: ['node'] },
      include: ['*.ts'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (const [index, code] of blocks.entries()) writeFileSync(join(folder, `example-${index}.ts`), code)
    const tsc = join(root, '../../node_modules/typescript7/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
