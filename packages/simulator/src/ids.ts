import type { Random } from './random.js'

/** A call id as telephony gives it: `CA` and 32 hexadecimal digits. */
export function callSid(random: Random): string {
  return `CA${random.hex(32)}`
}

/** A version 4 UUID. */
export function uuid(random: Random): string {
  const variant = random.pick(['8', '9', 'a', 'b'])
  return `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${variant}${random.hex(3)}-${random.hex(12)}`
}

/** Area codes for the numbers below. With 555-01xx behind them, no number can ring at anybody's. */
const AREAS = ['202', '303', '312', '404', '415', '512', '617', '702'] as const

/** A number from the range that is kept free for fiction. */
export function phoneNumber(random: Random): string {
  return `+1${random.pick(AREAS)}55501${random.whole(0, 99).toString().padStart(2, '0')}`
}
