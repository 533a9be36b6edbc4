import assert from 'node:assert/strict'
import type { JsonObject } from '@switchboard/contract'
import type { Write } from '../../src/log/environment.js'
import { projectionKey } from '../../src/log/keys.js'
import { unseal } from '../../src/log/seal.js'
import { projections } from '../../src/state/projections.js'
import type { SimulatedDisk } from './disk.js'
import type { TrueChannel, TrueEntry } from './truth.js'

/** What follows from the entries of the log: projected records, and the ids of tool calls. */
export class Consequences {
  /** By the row's key. */
  readonly #records = new Map<string, JsonObject>()
  /** By the channel: tool starts that no completion has answered, the oldest first. */
  readonly #open = new Map<TrueChannel, { readonly tool: unknown; readonly id: unknown }[]>()

  /** Records that a removal takes away begin anew. To be called before the entries of the same commit. */
  landed(writes: readonly Write[]): void {
    for (const { table, key, value } of writes) {
      if (table === 'projections' && value === undefined) this.#records.delete(key.toString('latin1'))
    }
  }

  /** Folds entries as the log has to, and compares what it has stored in the same commit. */
  given(disk: SimulatedDisk, truth: TrueChannel, entries: readonly TrueEntry[]): void {
    const { channel } = truth
    const touched = new Map<string, Buffer>()
    for (const { position, type, event } of entries) {
      for (const projection of projections) {
        const name = projection.key(channel, type, event)
        if (name === undefined) continue
        const key = projectionKey(channel.workspace, projection.name, name)
        const row = key.toString('latin1')
        this.#records.set(row, projection.fold(this.#records.get(row), { channel, position, type, event }))
        touched.set(row, key)
      }
      this.#tool(truth, event)
    }
    for (const [row, key] of touched) {
      const value = disk.get('projections', key)
      const stored = value && unseal(key, value)
      assert(stored, 'a record was not stored with what it follows from')
      assert.equal(stored.toString(), JSON.stringify(this.#records.get(row)), 'a record says other than the entries')
    }
  }

  /** A completion without an id takes that of the oldest start of its tool that is open. */
  #tool(truth: TrueChannel, { type, tool_name: tool, call_id: id, integration_name: name }: JsonObject): void {
    if (tool === undefined) return
    assert(id, `${name} was stored without a call_id`)
    const open = this.#open.get(truth) ?? []
    this.#open.set(truth, open)
    if (type === 'tool_call_started') {
      assert(!open.some((start) => start.id === id), `${name} was given the call_id of another start`)
      open.push({ tool, id })
      return
    }
    const index = open.findIndex((start) => start.tool === tool)
    // A process that began after a removal, or after damage, knows only what is left.
    if (truth.removed === undefined && !truth.isDamaged) {
      assert.equal(open[index]?.id ?? id, id, `${name} was not given the call_id of its start`)
      assert(index >= 0 || !open.some((start) => start.id === id), `${name} was given the call_id of another tool`)
    }
    const taken = open.findIndex((start) => start.id === id)
    if (taken >= 0) open.splice(taken, 1)
  }
}
