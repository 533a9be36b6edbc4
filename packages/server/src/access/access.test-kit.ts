import { type FailureCode, type Permission, permissionNames, SwitchboardError } from '@switchboard/contract'
import { expect } from 'vitest'
import type { Clock } from '../clock.js'
import { type Access, createAccess } from './access.js'
import { MemoryDisk, MemoryStore } from './memory-store.test-kit.js'
import type { Principal } from './principal.js'
import { digest } from './secret-text.js'

export const ADMIN_KEY = 'an-admin-key-that-is-long-enough-for-this'
export const HOME = '198.51.100.7'

/** A clock that the test turns. */
export class HandClock implements Clock {
  constructor(private at = Date.parse('2026-03-01T00:00:00Z')) {}
  now = () => this.at
  monotonic = () => this.at
  after = () => () => {}
  forward(ms: number): void {
    this.at += ms
  }
}

export interface Bench {
  readonly access: Access
  readonly admin: Principal
  readonly clock: HandClock
  readonly store: MemoryStore
  readonly warnings: string[]
  readonly workspace: string
  /** A key of the workspace and the principal it gives. */
  key(
    permissions?: readonly Permission[],
    durationDays?: number,
  ): Promise<{ keyId: string; text: string; principal: Principal }>
}

/** A deployment with one workspace. Give a disk to start another process of the same one. */
export async function openBench(
  options: { disk?: MemoryDisk; clock?: HandClock; sealingKey?: Buffer } = {},
): Promise<Bench> {
  const { clock = new HandClock(), disk = new MemoryDisk(), sealingKey = Buffer.alloc(32, 7) } = options
  const store = new MemoryStore(disk)
  const warnings: string[] = []
  const access = await createAccess({
    store,
    clock,
    adminKeyDigest: digest(ADMIN_KEY),
    sealingKey,
    warn: (line) => warnings.push(line),
  })
  const admin = await access.authenticate(ADMIN_KEY, HOME)
  const known = access.workspaces.bySlug('acme')
  const { id: workspace } = known ?? (await access.workspaces.create({ name: 'Acme', slug: 'acme' }))
  return {
    access,
    admin,
    clock,
    store,
    warnings,
    workspace,
    async key(permissions = permissionNames, durationDays) {
      const made = await access.apiKeys.create(admin, workspace, { name: 'a key', permissions, durationDays })
      return { keyId: made.key_id, text: made.api_key, principal: await access.authenticate(made.api_key, HOME) }
    },
  }
}

/** The failure that a call ends with. */
export async function failureOf(call: () => unknown): Promise<SwitchboardError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof SwitchboardError) return error
    throw error
  }
  throw new Error('It should have failed')
}

export async function expectFailure(code: FailureCode, call: () => unknown): Promise<SwitchboardError> {
  const failure = await failureOf(call)
  expect(failure.code, failure.detail).toBe(code)
  return failure
}
