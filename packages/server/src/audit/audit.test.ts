import { SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import type { Principal } from '../access/principal.js'
import { TestClock } from '../fanout/clock.test-kit.js'
import type { LedgerDraft } from '../log/ledger.js'
import { createAudit } from './audit.js'
import { auditKeyUses } from './key-uses.js'
import { auditReads, WINDOW_MS } from './reads.js'

/** A ledger that takes an append when the test lets it. */
class HeldLedger {
  readonly appends: (readonly LedgerDraft[])[] = []
  private readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = []

  append(_: string, drafts: readonly LedgerDraft[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const taken = () => {
        this.appends.push(drafts)
        resolve()
      }
      this.waiting.push({ resolve: taken, reject })
    })
  }

  /** Lets the append under way through, or refuses it. */
  async answer(how: 'taken' | 'refused' = 'taken'): Promise<void> {
    const append = this.waiting.shift()
    if (append === undefined) throw new Error('no append is under way')
    if (how === 'taken') append.resolve()
    else append.reject(new SwitchboardError('storage_full', 'the disk is full'))
    // What follows from it has happened by the next turn.
    await new Promise(setImmediate)
  }

  get isAsked(): boolean {
    return this.waiting.length > 0
  }

  get noted(): unknown[] {
    return this.appends.flat().map(({ fields }) => [fields.action, fields.details])
  }
}

function stand() {
  const clock = new TestClock()
  const ledger = new HeldLedger()
  const warnings: string[] = []
  const audit = createAudit({ ledger, clock, warn: (line) => warnings.push(line), server: 's1' })
  const note = (n: number, workspace = 'w') => audit.record(workspace, { action: 'key.used', details: { n } })
  return { clock, ledger, warnings, audit, note }
}

/** Lets all that was noted through. */
async function settled({
  ledger,
  audit,
  clock,
}: Pick<ReturnType<typeof stand>, 'ledger' | 'audit' | 'clock'>): Promise<void> {
  while (audit.waiting > 0) {
    if (ledger.isAsked) await ledger.answer()
    else clock.advance(50)
    await new Promise(setImmediate)
  }
}

const principal = (keyId = 'k1', more: Partial<Principal> = {}): Principal => ({
  kind: 'api-key',
  workspace: 'w',
  keyId,
  permissions: new Set(),
  callSids: undefined,
  expiresAt: undefined,
  ...more,
})

describe('an audit trail', () => {
  test('what is noted while an append is under way goes with the next, in order', async () => {
    const { ledger, note, audit } = stand()
    const all = [1, 2, 3].map((n) => note(n))
    await ledger.answer()
    await ledger.answer()
    await Promise.all(all)
    expect(ledger.appends.map((drafts) => drafts.map(({ fields }) => fields.details))).toEqual([
      [{ n: 1 }],
      [{ n: 2 }, { n: 3 }],
    ])
    expect(audit.waiting).toBe(0)
    void note(4)
    await new Promise(setImmediate)
    await ledger.answer()
    expect(ledger.appends).toHaveLength(3)
  })

  test('what comes in thousands is gathered, until somebody waits for something', async () => {
    const { ledger, audit, clock, note } = stand()
    const gathered = (n: number) => audit.note('w', { action: 'stream.opened', details: { n } })
    gathered(1)
    await ledger.answer()
    for (let n = 2; n <= 1000; n++) gathered(n)
    expect(ledger.isAsked).toBe(false)
    clock.advance(50)
    await new Promise(setImmediate)
    await ledger.answer()
    expect(ledger.appends.map(({ length }) => length)).toEqual([1, 500])
    const changed = note(0)
    await new Promise(setImmediate)
    await ledger.answer()
    await changed
    expect(ledger.appends.map(({ length }) => length)).toEqual([1, 500, 500])
  })

  test('workspaces do not wait for each other', async () => {
    const { ledger, note } = stand()
    void note(1, 'a')
    const other = note(2, 'b')
    await ledger.answer()
    await ledger.answer()
    await other
  })

  test('what the storage refuses is answered, kept, and tried again until it is taken', async () => {
    const { ledger, note, clock, warnings, audit } = stand()
    const noted = note(1)
    await ledger.answer('refused')
    await noted
    expect(warnings).toEqual([expect.stringContaining('the disk is full')])
    // More than one append takes: whoever waits for the last of them is not kept waiting either.
    for (let n = 2; n <= 600; n++) audit.note('w', { action: 'key.used', details: { n } })
    const last = note(601)
    await new Promise(setImmediate)
    await ledger.answer('refused')
    await last
    clock.advance(1000)
    await new Promise(setImmediate)
    await settled({ ledger, audit, clock })
    expect(ledger.noted).toEqual(Array.from({ length: 601 }, (_, n) => ['key.used', { n: n + 1 }]))
    expect([warnings.length, audit.waiting]).toEqual([1, 0])
  })

  test('a storage that says nothing holds nobody up for long, and takes it later', async () => {
    const { ledger, note, clock, audit } = stand()
    const noted = note(1)
    clock.advance(2000)
    await noted
    expect(audit.waiting).toBe(1)
    await ledger.answer()
    expect([ledger.noted.length, audit.waiting]).toEqual([1, 0])
  })

  test('what there is no room for any more is counted, and the trail says how much it was', async () => {
    const { ledger, note, clock, audit } = stand()
    for (let n = 0; n < 20_003; n++) void note(n)
    await ledger.answer('refused')
    clock.advance(1000)
    await new Promise(setImmediate)
    await settled({ ledger, audit, clock })
    expect(ledger.noted).toHaveLength(20_001)
    expect(ledger.noted[0]).toEqual(['audit.lost', { count: 3 }])
    expect(ledger.noted.at(-1)).toEqual(['key.used', { n: 19_999 }])
  })

  test('closing brings through what waits, or says how much it does not', async () => {
    const { ledger, note, audit, warnings } = stand()
    for (const n of [1, 2]) void note(n)
    const closed = audit.close()
    await ledger.answer()
    await ledger.answer()
    await closed
    expect([ledger.noted.length, warnings]).toEqual([2, []])

    const other = stand()
    void other.note(1)
    const ended = other.audit.close()
    await other.ledger.answer('refused')
    await ended
    expect(other.warnings.at(-1)).toContain('1 records of audit trails were not kept')
  })
})

describe('reads', () => {
  const read = {
    workspace: 'w',
    route: 'readEvents',
    callSid: undefined,
    requestId: 'r1',
    address: '192.0.2.1',
  } as const

  async function noted(act: (reads: ReturnType<typeof auditReads>, clock: TestClock) => void): Promise<unknown[]> {
    const { ledger, audit, clock } = stand()
    act(auditReads(audit, clock), clock)
    await settled({ ledger, audit, clock })
    return ledger.noted
  }

  test('a busy reader is noted at once, and then how often within the minute', async () => {
    const seen = await noted((reads, clock) => {
      for (let n = 0; n < 500; n++) reads.note({ ...read, principal: principal() })
      clock.advance(WINDOW_MS)
      reads.note({ ...read, principal: principal() })
      clock.advance(WINDOW_MS)
    })
    expect(seen).toEqual([
      ['history.read', { route: 'readEvents', count: 1 }],
      ['history.read', { route: 'readEvents', count: 499, since: expect.any(String) }],
      ['history.read', { route: 'readEvents', count: 1 }],
    ])
  })

  test('each credential, route, call and way of seeing is noted by itself', async () => {
    const seen = await noted((reads) => {
      const clear = principal('k1', { permissions: new Set(['pii:read']) })
      for (const each of [
        { ...read, principal: principal() },
        { ...read, principal: principal('k2') },
        { ...read, principal: principal('k1', { kind: 'access-token', tokenId: 't1' }) },
        { ...read, principal: clear },
        { ...read, principal: principal(), route: 'readCallEvents', callSid: 'CA1' } as const,
        { ...read, principal: principal(), route: 'readCallEvents', callSid: 'CA2' } as const,
        { ...read, principal: principal(), address: '192.0.2.2' },
      ]) {
        reads.note(each)
        reads.note(each)
      }
      reads.close()
    })
    expect(seen).toHaveLength(14)
  })
})

describe('uses of keys', () => {
  const request = (address: string, forwarded?: string) => ({
    socket: { remoteAddress: address } as never,
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  })

  test('the first of a day from an address is noted, and no other', async () => {
    const { ledger, audit, clock } = stand()
    const addressOf = ({ socket, headers }: ReturnType<typeof request>) =>
      String(headers['x-forwarded-for'] ?? (socket as { remoteAddress: string }).remoteAddress)
    const use = auditKeyUses(audit, clock, addressOf as never)
    const one = request('192.0.2.1')
    const key = principal()
    for (let n = 0; n < 1000; n++) use(key, 'w', one)
    use(key, 'w', request('192.0.2.1'))
    use(key, 'w', request('192.0.2.2'))
    use(principal('k2'), 'w', one)
    // Behind a proxy, on one connection.
    for (const client of ['198.51.100.1', '198.51.100.2', '198.51.100.1']) use(key, 'w', request('192.0.2.3', client))
    clock.jump(24 * 60 * 60 * 1000)
    use(key, 'w', one)
    await settled({ ledger, audit, clock })
    const seen = ledger.appends.flat().map(({ fields }) => [(fields.target as { id: string }).id, fields.address])
    expect(seen).toEqual([
      ['k1', '192.0.2.1'],
      ['k1', '192.0.2.2'],
      ['k2', '192.0.2.1'],
      ['k1', '198.51.100.1'],
      ['k1', '198.51.100.2'],
      ['k1', '192.0.2.1'],
    ])
  })
})
