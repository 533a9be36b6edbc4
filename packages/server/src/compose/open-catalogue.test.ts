import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accept, type Catalogue, compileTypeFilter, type JsonObject, mask } from '@switchboard/contract'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryDisk, MemoryStore } from '../access/memory-store.test-kit.js'
import { ConfigError } from '../ops/config.js'
import { openCatalogue } from './open-catalogue.js'

interface Asked {
  readonly prefix?: string
  readonly types?: readonly string[]
  /** Marks the field as personal, or not. */
  readonly personal?: boolean
}

function content({ prefix = 'acme', types = ['order_placed'], personal = false }: Asked): JsonObject {
  const note = { type: 'string', description: 'What was said.', ...(personal && { 'x-personal-data': true }) }
  return {
    prefix,
    events: types.map((name) => {
      const type = `${prefix}.${name}`
      const example = { event_type: type, note: 'a note' }
      return { channel: 'workspace', type, title: 'A title', meaning: 'It happened.', fields: { note }, example }
    }),
  }
}

async function file(asked: Asked): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'catalogue-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const path = join(dir, 'types.json')
  await writeFile(path, JSON.stringify(content(asked)))
  return path
}

/** A process of the deployment whose disk it is. */
async function start(disk: MemoryDisk, asked?: Asked) {
  const store = new MemoryStore(disk)
  const warnings: string[] = []
  const path = asked && (await file(asked))
  const { catalogue, close } = await openCatalogue(path, store, (line) => warnings.push(line))
  return { catalogue, store, warnings, close }
}

function own(catalogue: Catalogue): string[] {
  return catalogue
    .all()
    .filter(({ custom }) => custom)
    .map(({ type }) => type)
}

const EVENT = { event_type: 'acme.order_placed', note: 'a secret' }

function masked(catalogue: Catalogue): JsonObject {
  return mask(catalogue.get('workspace', 'acme.order_placed'), EVENT)
}

describe('with a store', () => {
  test('the types of one process are those of all, at once where they run and where they start later', async () => {
    const disk = new MemoryDisk()
    const before = await start(disk)
    const types = before.catalogue.all()
    expect(before.catalogue.all()).toBe(types)
    expect(accept(before.catalogue, 'workspace', EVENT, { extraFields: 'refuse' }).ok).toBe(false)
    const bringing = await start(disk, {})
    const after = await start(disk)
    for (const { catalogue, warnings } of [before, bringing, after]) {
      expect(own(catalogue)).toEqual(['acme.order_placed'])
      expect(accept(catalogue, 'workspace', EVENT, { extraFields: 'refuse' }).ok).toBe(true)
      expect(compileTypeFilter(catalogue, 'workspace', ['acme.*'])).toMatchObject({ ok: true, types: own(catalogue) })
      expect(catalogue.nearest('workspace', 'acme.order_plcaed')).toBe('acme.order_placed')
      expect(warnings).toEqual([])
    }
    expect(before.catalogue.all()).not.toBe(types)
  })

  test('the last file to come wins, everywhere, and the change is told', async () => {
    const disk = new MemoryDisk()
    const first = await start(disk, {})
    expect(masked(first.catalogue)).toEqual(EVENT)
    const second = await start(disk, { personal: true })
    for (const { catalogue, warnings } of [first, second]) {
      expect(masked(catalogue)).toEqual({ ...EVENT, note: '[masked]' })
      expect(warnings).toEqual(['The event type acme.order_placed has another definition now'])
    }
  })

  test('the same file again changes nothing, and writes nothing', async () => {
    const disk = new MemoryDisk()
    const first = await start(disk, {})
    const types = first.catalogue.all()
    const changes: unknown[] = []
    first.store.watch((change) => changes.push(change))
    await start(disk, {})
    expect(first.catalogue.all()).toBe(types)
    expect(changes).toEqual([])
  })

  test('types of other files stay, also when a file no longer has them, and go when they are deleted', async () => {
    const disk = new MemoryDisk()
    await start(disk, { types: ['a', 'b'] })
    await start(disk, { prefix: 'globex' })
    const { catalogue, store, warnings } = await start(disk, { types: ['b', 'c'] })
    expect(own(catalogue)).toEqual(['acme.a', 'acme.b', 'acme.c', 'globex.order_placed'])
    await store.delete('catalogue', 'acme.a')
    expect(own(catalogue)).toEqual(['acme.b', 'acme.c', 'globex.order_placed'])
    expect(warnings).toEqual(['The event type acme.a is no longer in the catalogue'])
  })

  test('what is stored and cannot be used is left out, and said once', async () => {
    const disk = new MemoryDisk()
    const { catalogue, store, warnings } = await start(disk, {})
    await store.put('catalogue', 'acme.later', { version: 9 })
    await store.put('catalogue', 'acme.other', content({}))
    await store.put('catalogue', 'acme.none', { prefix: 'acme', events: [] })
    await store.put('catalogue', 'call.started', content({ prefix: 'call', types: ['started'] }))
    for (let asked = 0; asked < 2; asked += 1) expect(own(catalogue)).toEqual(['acme.order_placed'])
    await store.put('catalogue', 'acme.good', content({ types: ['good'] }))
    expect(own(catalogue)).toEqual(['acme.good', 'acme.order_placed'])
    expect(warnings).toEqual([
      expect.stringMatching(/^The stored event type acme\.later cannot be used: .*prefix/),
      'The stored event type acme.none cannot be used: it defines no event type',
      'The stored event type acme.other cannot be used: it defines acme.order_placed',
      expect.stringMatching(/^The stored event type call\.started cannot be used: .*taken/),
    ])
  })

  test('a type too like a stored one stops the start, and nothing of its file is stored', async () => {
    const disk = new MemoryDisk()
    // One schema name: AcmeOrderPlacedEvent.
    await start(disk, { types: ['order_placed'] })
    const observer = {
      ...(content({}).events as JsonObject[])[0],
      channel: 'observer',
      type: 'acme_order_placed',
      example: { type: 'acme_order_placed', note: 'a note' },
    }
    const path = await file({})
    await writeFile(
      path,
      JSON.stringify({ prefix: 'acme', events: [...(content({ types: ['a'] }).events as []), observer] }),
    )
    const store = new MemoryStore(disk)
    const refused = openCatalogue(path, store, () => {})
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(/beside acme\.order_placed, .*AcmeOrderPlacedEvent/)
    expect((await store.all('catalogue')).map(({ key }) => key)).toEqual(['acme.order_placed'])
  })

  test('a process that stops follows no more', async () => {
    const disk = new MemoryDisk()
    const { catalogue, close } = await start(disk, {})
    close()
    await start(disk, { prefix: 'globex' })
    expect(own(catalogue)).toEqual(['acme.order_placed'])
  })
})

test('without a store the file rules', async () => {
  const { catalogue } = await openCatalogue(await file({ types: ['a', 'b'] }), undefined, () => {})
  expect(own(catalogue)).toEqual(['acme.a', 'acme.b'])
  expect(own((await openCatalogue(undefined, undefined, () => {})).catalogue)).toEqual([])
})

test.each([
  ['is not there', undefined],
  ['is wrong', { prefix: 'call', events: [] }],
])('a file that %s stops the start, with a store and without', async (_, wrong) => {
  const path = await file({})
  if (wrong === undefined) await rm(path)
  else await writeFile(path, JSON.stringify(wrong))
  for (const store of [undefined, new MemoryStore()]) {
    await expect(openCatalogue(path, store, () => {})).rejects.toThrow(ConfigError)
  }
})
