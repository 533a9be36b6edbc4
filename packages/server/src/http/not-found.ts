import { routeList, SwitchboardError } from '@switchboard/contract'

interface Known {
  readonly pattern: RegExp
  readonly methods: ReadonlySet<string>
}

/** Paths of the table of routes, and the methods that each has. A path that can be read can be asked for its headers. */
const known: readonly Known[] = knownPaths()

function knownPaths(): readonly Known[] {
  const methods = new Map<string, Set<string>>()
  for (const { path, method } of routeList) {
    const own = methods.get(path) ?? new Set()
    methods.set(path, own.add(method))
    if (method === 'GET') own.add('HEAD')
  }
  return [...methods].map(([path, own]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[a-z_]+\}/g, '[^/]+')}$`),
    methods: own,
  }))
}

/** Methods that a path has, in the order of the table; empty when there is no such path. */
export function methodsOf(path: string): readonly string[] {
  return known.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => [...methods])
}

/** Why no route answers a request: the path is unknown, or it has no such method. */
export function noRoute(method: string, path: string): { readonly failure: SwitchboardError; readonly allow?: string } {
  const methods = methodsOf(path)
  if (methods.length === 0) {
    return {
      failure: new SwitchboardError('not_found', 'There is nothing at this path. /openapi.json lists what there is.'),
    }
  }
  const allow = methods.join(', ')
  return {
    failure: new SwitchboardError('method_not_allowed', `${method} is not answered here. Accepted: ${allow}.`),
    allow,
  }
}
