import { betterSse } from './servers/better-sse.js'
import { naive } from './servers/naive.js'
import { nchan } from './servers/nchan.js'
import { ours } from './servers/ours.js'
import { pushpin } from './servers/pushpin.js'
import type { Product } from './servers/server.js'

const products: readonly Product[] = [ours, nchan, pushpin, betterSse, naive]

export interface Installed {
  readonly present: readonly Product[]
  /** Of those, for people. */
  readonly versions: readonly string[]
  /** What is not there, and how to get it. */
  readonly missing: readonly string[]
}

let found: Promise<Installed> | undefined

/** What can be measured on this machine. */
export function installed(): Promise<Installed> {
  found ??= look()
  return found
}

async function look(): Promise<Installed> {
  const versions = await Promise.all(products.map((product) => product.version()))
  const present = products.filter((_, index) => versions[index] !== undefined)
  return {
    present,
    versions: [nchan, pushpin, betterSse].flatMap((product) => {
      const version = versions[products.indexOf(product)]
      return version === undefined ? [] : `${product.name} ${version}`
    }),
    missing: products
      .filter((product) => !present.includes(product))
      .map(({ name, advice }) => `${name} is not installed, and not measured; to install it: ${advice}`),
  }
}
