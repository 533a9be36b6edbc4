import { AUDIT_GENESIS, auditBreak } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { type Ledger, type LedgerDraft, type LedgerRecord, sha256 } from '../src/log/ledger.js'
import { HOUR, type Stand } from './stand.js'

const T0 = Date.UTC(2026, 0, 1)

function draft(n: number, time = T0 + n): LedgerDraft {
  return { time, fields: { action: 'key.used', n } }
}

async function all(ledger: Ledger, workspace: string, count = 7): Promise<readonly LedgerRecord[]> {
  const records: LedgerRecord[] = []
  for (let from = 1; ; ) {
    const page = await ledger.read(workspace, from, count)
    records.push(...page)
    const last = page.at(-1)
    if (last === undefined) return records
    from = last.sequence + 1
  }
}

/** Each stands behind the one before it. */
function assertChain(records: readonly LedgerRecord[]): void {
  let after: LedgerRecord | undefined
  for (const record of records) {
    expect(auditBreak(record, after, sha256), `record ${record.sequence}`).toBeUndefined()
    after = record
  }
}

/** What every ledger does (ledger.ts, L1 to L4). */
export function ledgerSuite(name: string, { start, clock }: Stand, { shared }: { readonly shared: boolean }): void {
  describe(`${name}: ledger`, () => {
    test('L2 L4: records are linked from the first on, are read from any of them on, and survive a new start', async () => {
      const { bench, engine } = await start()
      expect(await engine.ledger.head('w1')).toBeUndefined()
      expect(await engine.ledger.read('w1', 1, 10)).toEqual([])
      await engine.ledger.append('w1', [draft(1), draft(2), draft(3)])
      await engine.ledger.append('w1', [draft(4)])
      await engine.ledger.append('w1', [draft(5), draft(6)])
      const records = await all(engine.ledger, 'w1', 1)
      expect(records.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
      expect(records[0]).toMatchObject({ sequence: 1, previous: AUDIT_GENESIS, workspace_id: 'w1' })
      assertChain(records)
      for (let from = 1; from <= 6; from++) {
        expect((await engine.ledger.read('w1', from, 1))[0]?.sequence).toBe(from)
        expect((await engine.ledger.read('w1', from, 10)).at(-1)?.sequence).toBe(6)
      }
      expect(await engine.ledger.read('w1', 7, 10)).toEqual([])
      const again = await bench.reopen()
      expect(await again.ledger.head('w1')).toEqual({ sequence: 6, hash: records[5]?.hash })
      await again.ledger.append('w1', [draft(7)])
      assertChain(await all(again.ledger, 'w1'))
      expect(await all(again.ledger, 'w1')).toHaveLength(7)
    })

    test('workspaces have a chain each, also where one name begins with another', async () => {
      const { engine } = await start()
      for (const workspace of ['w1', 'w', 'w11', 'w1']) await engine.ledger.append(workspace, [draft(1)])
      expect((await all(engine.ledger, 'w1')).map(({ sequence }) => sequence)).toEqual([1, 2])
      expect((await all(engine.ledger, 'w')).map(({ workspace_id }) => workspace_id)).toEqual(['w'])
      expect((await all(engine.ledger, 'w11')).map(({ workspace_id }) => workspace_id)).toEqual(['w11'])
    })

    test('L2: appends at once make one chain, and its time never runs backwards', async () => {
      const { bench, engine } = await start()
      const ledgers = [engine.ledger, ...(shared && bench.another ? [(await bench.another()).ledger] : [])]
      const each = 20
      await Promise.all(
        ledgers.flatMap((ledger, process) =>
          Array.from({ length: each }, (_, n) => ledger.append('w1', [draft(n, T0 - n * HOUR), draft(100 + process)])),
        ),
      )
      for (const ledger of ledgers) {
        const records = await all(ledger, 'w1')
        expect(records).toHaveLength(each * 2 * ledgers.length)
        assertChain(records)
        const times = records.map(({ time }) => Date.parse(time))
        expect(times).toEqual([...times].sort((a, b) => a - b))
      }
    })

    test('L3: retention takes old pages, the chain goes on from the record before, and the newest page stays', async () => {
      const { bench, engine } = await start()
      clock.time = T0
      await engine.ledger.append('w1', [draft(1), draft(2)])
      await engine.ledger.append('w1', [draft(3, T0 + HOUR)])
      await engine.ledger.append('w1', [draft(4, T0 + 2 * HOUR)])
      const [, second] = await all(engine.ledger, 'w1')
      expect(await engine.ledger.retain('w1', T0)).toBe(0)
      expect(await engine.ledger.retain('w1', T0 + HOUR)).toBe(2)
      const kept = await all(engine.ledger, 'w1')
      expect(kept.map(({ sequence }) => sequence)).toEqual([3, 4])
      expect(kept[0]?.previous).toBe(second?.hash)
      expect(await engine.ledger.retain('w1', T0 + 9 * HOUR)).toBe(1)
      const again = await bench.reopen()
      expect((await all(again.ledger, 'w1')).map(({ sequence }) => sequence)).toEqual([4])
      await again.ledger.append('w1', [draft(5, T0 + 3 * HOUR)])
      assertChain(await all(again.ledger, 'w1'))
    })
  })
}
