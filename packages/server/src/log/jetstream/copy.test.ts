import { rmSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { newFolder } from '../../../testing/lmdb-bench.js'
import { systemClock } from '../../clock.js'
import type { CheckpointDeps } from './checkpoint.js'
import { openCopy } from './copy.js'

test('a copy of a stream whose leader is not there yet waits for it, and is then opened', async () => {
  const dir = newFolder()
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const asked = { state: 0, checkpoint: 0 }
  const failsOnce = (what: keyof typeof asked): void => {
    if (++asked[what] === 1) throw new Error('timeout')
  }
  const getMessage = async () => {
    failsOnce('checkpoint')
    return null
  }
  const deps = { jsm: { streams: { getMessage } }, partition: 0, clock: systemClock } as unknown as CheckpointDeps
  const state = async () => {
    failsOnce('state')
    return { first: 1, last: 0, hasMessages: false, created: '2026-01-01T00:00:00Z' }
  }
  const options = { dir, clock: systemClock, projections: [], onFault: () => {}, warn: () => {} }
  const { log, applied } = await openCopy(deps, state, options)
  await log.close()
  expect(asked).toEqual({ state: 2, checkpoint: 2 })
  expect(applied).toMatchObject({ sequence: 0, from: 1 })
})
