import { isIP } from 'node:net'

/** One thing that a deployment may set: by an environment variable, or by a flag of `switchboard serve`. */
export interface Setting<T> {
  readonly variable: string
  /** The flag that says the same, for example `--port`. It wins over the variable. */
  readonly flag: string
  /** What stands for the value in help, for example `<duration>`. */
  readonly placeholder: string
  /** The value when nothing is set, as it would be written; undefined when there is none. */
  readonly preset?: string
  /** What happens when nothing is set, where `preset` does not say it all. */
  readonly otherwise?: string
  /** One line. */
  readonly meaning: string
  /** What is accepted, to end a sentence with. */
  readonly accepted: string
  /** True when the value must never be shown. */
  readonly secret?: true
  /** The value of a text, or undefined when it is not accepted. */
  readonly parse: (text: string) => T | undefined
}

/** A way to read a text, and the words for what it accepts. */
interface Form<T> {
  readonly accepted: string
  readonly parse: (text: string) => T | undefined
}

export function wholeNumber(min: number, max: number): Form<number> {
  return {
    accepted: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a text such as `90s`, or undefined when it is not one. */
export function durationMs(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  return match ? Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS] : undefined
}

/** In milliseconds. The bounds are written as a person would. */
export function duration(min: string, max: string): Form<number> {
  const [least = 0, most = 0] = [durationMs(min), durationMs(max)]
  return {
    accepted: `a number with ms, s, m, h or d, such as 90s, from ${min} to ${max}`,
    parse(text) {
      const value = durationMs(text)
      return value !== undefined && value >= least && value <= most ? value : undefined
    },
  }
}

export function oneOf<const T extends string>(names: readonly T[]): Form<T> {
  return { accepted: `one of ${names.join(', ')}`, parse: (text) => names.find((name) => name === text) }
}

export const path: Form<string> = {
  accepted: 'a path',
  parse: (text) => (text.includes('\0') ? undefined : text),
}

/** The path of a file; what is in it is looked at when it is read. */
export function pemFile(accepted: string): Form<string> {
  return { accepted, parse: path.parse }
}

export const host: Form<string> = {
  accepted: 'an IP address or a host name, without a port',
  parse: (text) => (isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text) ? text : undefined),
}

/** Visible ASCII without spaces: it must fit a header. */
export function keyText(charsMin: number, charsMax: number): Form<string> {
  return {
    accepted: `${charsMin} to ${charsMax} visible ASCII characters without spaces`,
    parse: (text) =>
      text.length >= charsMin && text.length <= charsMax && /^[\x21-\x7e]+$/.test(text) ? text : undefined,
  }
}

/** Random bytes, written in base64. */
export function base64Bytes(bytes: number): Form<string> {
  return {
    accepted: `${bytes} bytes in base64`,
    parse: (text) => {
      const decoded = Buffer.from(text, 'base64')
      return decoded.length === bytes && decoded.toString('base64') === text ? text : undefined
    },
  }
}

/** Values between commas; spaces around them do not count. */
function list<T>(accepted: string, parse: (text: string) => T | undefined): Form<readonly T[]> {
  return {
    accepted,
    parse(text) {
      const values = text.split(',').map((part) => parse(part.trim()))
      return values.every((value) => value !== undefined) ? values : undefined
    },
  }
}

/** Whole numbers between commas, each once. */
export function numbers(min: number, max: number): Form<readonly number[]> {
  const { parse } = wholeNumber(min, max)
  return list(`whole numbers from ${min} to ${max} between commas, such as 0,2`, parse)
}

/** Origins exactly as browsers send them. */
export const origins = list('origins between commas, such as https://console.example.com, and no wildcard', (text) => {
  const url = urlOf(text)
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  return isWeb && url.origin === text && !text.includes('*') ? text : undefined
})

/** An http(s) address; the answer ends without a slash. */
export const webAddress: Form<string> = {
  accepted: 'an http or https address without credentials, query or fragment, such as https://events.example.com',
  parse(text) {
    const url = urlOf(text)
    if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
    if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) return undefined
    return url.href.replace(/\/+$/, '')
  },
}

/** Several, the answers without a slash at their end. */
export const webAddresses = list(
  'http or https addresses between commas, such as http://10.0.0.1:8222, without credentials, query or fragment',
  webAddress.parse,
)

export const natsServers = list('NATS servers between commas, such as nats://10.0.0.1:4222', (text) => {
  const url = urlOf(text)
  return url !== undefined && ['nats:', 'tls:'].includes(url.protocol) && url.host !== '' ? text : undefined
})

/** False, true (whoever connects), how many proxies stand in front, or which addresses are proxies. */
export type TrustProxy = boolean | number | readonly string[]

const NETWORK_NAMES = ['loopback', 'linklocal', 'uniquelocal']

export const trustProxy: Form<TrustProxy> = {
  accepted: 'off, on, the number of proxies in front (1 to 9), or their addresses between commas, such as 10.0.0.0/8',
  parse(text) {
    if (text === 'off' || text === 'false' || text === '0') return false
    if (text === 'on' || text === 'true') return true
    if (/^[1-9]$/.test(text)) return Number(text)
    const networks = text.split(',').map((part) => part.trim())
    return networks.every((network) => NETWORK_NAMES.includes(network) || isNetwork(network)) ? networks : undefined
  },
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
