import type { Random } from '@switchboard/simulator'

/** Longer inputs find little more, and each takes more time. */
const INPUT_BYTES_MAX = 4096
const CHANGES_MAX = 6
const COPIES_MAX = 40

/** Bytes that parsers treat as something of their own: line ends, quotes, signs, ends of ranges, pieces of UTF-8. */
const BYTES = [
  0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x22, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x39, 0x3a, 0x3b, 0x3d, 0x5b,
  0x5c, 0x5d, 0x7b, 0x7d, 0x7e, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff,
]

/** Pieces that trouble parsers of any text. */
const WORDS = [
  '\r\n', '\n\n', '\ufeff', '\ud7ff', '😀', '\u2028', '%00', '%0d%0a', '%', '+', '&', '=', '..', '*', '-0', '1e999', '1e-7',
  '9007199254740993', '0x10', '999999999999999', '0000', 'null', 'true', '""', '{}', '[]', '[[[[', '{"":', '\\ud800',
  '\\u0000', '__proto__', 'constructor', 'toString', 'length', '-1', '4294967296', 'NaN', 'Infinity', '+1', '\t', ',,',
] // biome-ignore format: a list of pieces

/** Another input, made of one or two that are known: a few changes of bytes, of pieces, or of what stands between brackets. */
export function mutate(input: Buffer, other: Buffer, words: readonly string[], random: Random): Buffer {
  let bytes = input
  // Mostly one: what was reached is lost with most changes.
  const changes = random.chance(0.6) ? 1 : random.whole(2, CHANGES_MAX)
  for (let count = 0; count < changes; count++) bytes = changed(bytes, other, words, random)
  return bytes.length > INPUT_BYTES_MAX ? bytes.subarray(0, INPUT_BYTES_MAX) : bytes
}

function changed(bytes: Buffer, other: Buffer, words: readonly string[], random: Random): Buffer {
  const at = random.whole(0, bytes.length)
  const to = Math.min(bytes.length, at + random.whole(1, random.chance(0.2) ? 64 : 4))
  const put = (piece: Uint8Array, end = at): Buffer =>
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)])
  switch (random.whole(0, 9)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random.whole(0, 7))
      return flipped
    }
    case 1:
      return put(Buffer.from([random.pick(BYTES)]), Math.min(bytes.length, at + random.whole(0, 1)))
    case 2:
      return put(Buffer.alloc(0), to)
    case 3:
    case 4:
      return put(
        Buffer.from(random.pick(random.chance(0.6) && words.length > 0 ? words : WORDS)),
        random.chance(0.5) ? to : at,
      )
    case 5: {
      const piece = bytes.subarray(at, to)
      return put(Buffer.concat(Array.from({ length: random.whole(2, COPIES_MAX) }, () => piece)))
    }
    case 6: {
      const from = random.whole(0, other.length)
      return put(other.subarray(from, from + random.whole(1, 64)), random.chance(0.5) ? to : at)
    }
    case 7:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.whole(0, other.length))])
    case 8:
      return numberChanged(bytes, random)
    default:
      return valueMoved(bytes, other, random)
  }
}

/** Another number where there is one. */
function numberChanged(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString('latin1')
  const numbers = [...text.matchAll(/\d+/g)]
  if (numbers.length === 0) return bytes
  const { index, 0: digits } = random.pick(numbers)
  const instead = random.pick([
    '0',
    '1',
    '-1',
    `${digits}0`,
    String(Number(digits) + 1),
    '65536',
    '4294967295',
    '1.5',
    '9'.repeat(16),
  ])
  return Buffer.from(text.slice(0, index) + instead + text.slice(index + digits.length), 'latin1')
}

/** A JSON value gives way to one of another input; what is no JSON comes back as it was. */
function valueMoved(bytes: Buffer, other: Buffer, random: Random): Buffer {
  try {
    const whole: unknown = JSON.parse(bytes.toString())
    const places = placesIn(whole)
    if (places.length === 0) return bytes
    const { owner, key } = random.pick(places)
    const values = placesIn(JSON.parse(other.toString())).map((place) => place.owner[place.key])
    if (random.chance(0.3)) delete owner[key]
    else owner[key] = values.length > 0 ? random.pick(values) : null
    // A value that was moved into itself has no end.
    return Buffer.from(JSON.stringify(whole))
  } catch {
    return bytes
  }
}

interface Place {
  readonly owner: Record<string, unknown>
  readonly key: string
}

function placesIn(value: unknown, depth = 0): readonly Place[] {
  if (typeof value !== 'object' || value === null || depth > 32) return []
  const owner = value as Record<string, unknown>
  return Object.keys(owner).flatMap((key) => [{ owner, key }, ...placesIn(owner[key], depth + 1)])
}
