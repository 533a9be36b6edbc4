import { limits } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { expectFailure, openBench } from './access.test-kit.js'
import { createSeal } from './sealing.js'

const VALUE = 'canary-auth-token-4711'

describe('a named secret', () => {
  test('is kept sealed, given to the server, and shown to nobody', async () => {
    const { access, admin, workspace, store, clock } = await openBench()
    const info = await access.secrets.put(admin, workspace, 'twilio', VALUE, { service_id: 's1' })
    expect(info).toEqual({ about: { service_id: 's1' }, updatedAt: clock.now() })
    expect(store.disk.text()).not.toContain(VALUE)
    expect(store.disk.text()).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 20))
    expect(access.secrets.get(workspace, 'twilio')?.value).toBe(VALUE)
    expect(JSON.stringify(await access.secrets.describe(admin, workspace, 'twilio'))).not.toContain(VALUE)
  })

  test('is replaced, and forgotten', async () => {
    const { access, admin, workspace } = await openBench()
    await access.secrets.put(admin, workspace, 'twilio', VALUE)
    await access.secrets.put(admin, workspace, 'twilio', 'another')
    expect(access.secrets.get(workspace, 'twilio')?.value).toBe('another')
    expect(await access.secrets.delete(admin, workspace, 'twilio')).toBe(true)
    expect(access.secrets.get(workspace, 'twilio')).toBeUndefined()
    expect(await access.secrets.describe(admin, workspace, 'twilio')).toBeUndefined()
    expect(await access.secrets.delete(admin, workspace, 'twilio')).toBe(false)
  })

  test('needs keys:manage in its own workspace', async () => {
    const { access, workspace, key } = await openBench()
    const { principal } = await key(['events:write'])
    await expectFailure('forbidden', () => access.secrets.put(principal, workspace, 'twilio', VALUE))
    await expectFailure('forbidden', () => access.secrets.describe(principal, workspace, 'twilio'))
    await expectFailure('forbidden', () => access.secrets.delete(principal, workspace, 'twilio'))
  })

  test('does not open where it was copied to, and the failure does not tell it', async () => {
    const { access, admin, workspace, store } = await openBench()
    const other = await access.workspaces.create({ name: 'Other', slug: 'other' })
    await access.secrets.put(admin, workspace, 'twilio', VALUE)
    const [stolen] = await store.all('secret')
    await store.put('secret', `${other.id}/twilio`, stolen?.value ?? {})
    const failure = await expectFailure('storage_fault', () => access.secrets.get(other.id, 'twilio'))
    expect(failure.message).not.toContain(VALUE)
  })

  test('has limits: its name, its size, their number', async () => {
    const { access, admin, workspace } = await openBench()
    const put = (name: string, value: string) => access.secrets.put(admin, workspace, name, value)
    for (const name of ['', 'A', 'a/b', '../a']) await expectFailure('invalid_request', () => put(name, VALUE))
    await expectFailure('invalid_request', () => put('a', ''))
    const failure = await expectFailure('invalid_request', () => put('a', VALUE.repeat(limits.secretBytesMax)))
    expect(failure.message).not.toContain(VALUE)
    for (let made = 0; made < limits.secretsPerWorkspaceMax; made += 1) await put(`s${made}`, VALUE)
    await expectFailure('invalid_request', () => put('one-more', VALUE))
    await put('s0', 'replaced')
  })
})

describe('sealing', () => {
  const seal = createSeal(Buffer.alloc(32, 1))

  test('opens what it closed, at the same place and with the same key only', () => {
    const sealed = seal.close('here', VALUE)
    expect(seal.open('here', sealed)).toBe(VALUE)
    expect(seal.open('there', sealed)).toBeUndefined()
    expect(createSeal(Buffer.alloc(32, 2)).open('here', sealed)).toBeUndefined()
    expect(seal.close('here', VALUE)).not.toBe(sealed)
  })

  test('notices every altered or missing byte', () => {
    const sealed = Buffer.from(seal.close('here', VALUE), 'base64')
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] as number) ^ 1
      expect(seal.open('here', altered.toString('base64'))).toBeUndefined()
      expect(seal.open('here', sealed.subarray(0, at).toString('base64'))).toBeUndefined()
    }
  })
})
