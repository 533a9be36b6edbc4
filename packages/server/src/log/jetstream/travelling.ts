import type { JsonObject } from '@switchboard/contract'
import { decrypt, encrypt } from '../../cipher.js'
import type { Row } from '../environment.js'
import type { Records } from '../records.js'
import type { SubjectKeys } from './subject-keys.js'

/** A record of state in a checkpoint: masked, and as it is, sealed with the newest key of whom it is about. */
interface Travelling {
  readonly masked: JsonObject
  readonly generation?: number
  readonly sealed?: string
}

/**
 * A row of a copy as it goes into a checkpoint, which other gateways open: undefined for one that holds nothing personal.
 * @param now What the copy has by now of a row that was erased since its snapshot.
 */
export async function closeRecord(
  records: Records,
  keys: SubjectKeys,
  { key: row, value }: Row,
  now: (row: Buffer) => Buffer | undefined,
): Promise<Buffer | undefined> {
  const place = records.placeOf(row)
  if (place === undefined) return undefined
  const later = () => {
    const current = now(row)
    return current && records.peek(row, current)
  }
  const record = records.peek(row, value) ?? later()
  if (record === undefined) return Buffer.from('{}')
  const masked = place.personal.mask(record)
  if (masked === record) return encode({ masked })
  const { workspace, subject } = place
  const { generation, key } = keys.lasting(workspace, subject) ?? (await keys.make(workspace, subject))
  const sealed = encrypt(key, row, Buffer.from(JSON.stringify(record)))
  return encode({ masked, generation, sealed: sealed.toString('base64') })
}

/** The record; masked when its key was destroyed, or is not to be had here. Undefined for one that could not be read. */
export function openRecord(
  records: Records,
  keys: SubjectKeys | undefined,
  { key: row, value }: Row,
): JsonObject | undefined {
  const { masked, generation, sealed } = JSON.parse(value.toString()) as Partial<Travelling>
  const place = records.placeOf(row)
  if (place === undefined || sealed === undefined || generation === undefined) return masked
  const { workspace, subject } = place
  const key = keys?.opening(workspace, subject, generation)
  const text = key && decrypt(key, row, Buffer.from(sealed, 'base64'))
  return text ? (JSON.parse(text.toString()) as JsonObject) : masked
}

function encode(record: Travelling): Buffer {
  return Buffer.from(JSON.stringify(record))
}
