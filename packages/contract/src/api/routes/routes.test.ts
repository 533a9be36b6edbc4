import { Ajv } from 'ajv'
import formatsModule from 'ajv-formats'
import { expect, test } from 'vitest'
import { plainSchema } from '../plain.js'
import { colonPath, type Route, routeList, routes } from './index.js'

const schemasOf = (route: Route) => [
  ...[route.params, route.query, route.headers].filter((schema) => schema !== undefined),
  ...Object.values(route.body ?? {}),
  ...Object.values(route.answers).flatMap(({ content }) => Object.values(content ?? {})),
]

test('no two routes share a method and a path', () => {
  const places = routeList.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(places).size).toBe(places.length)
})

test('the parameters in a path are those that are described', () => {
  for (const { operationId, path, params } of routeList) {
    const inPath = [...path.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1])
    expect(Object.keys(params?.properties ?? {}), operationId).toEqual(inPath)
  }
})

test('no failure of a route is listed twice', () => {
  for (const { operationId, failures } of routeList) {
    expect(new Set(failures).size, operationId).toBe(failures.length)
  }
})

test('every schema, made plain, satisfies a validator that refuses unknown keywords', () => {
  for (const route of routeList) {
    for (const schema of schemasOf(route)) {
      const ajv = new Ajv({ strictSchema: true, allowUnionTypes: true, coerceTypes: 'array', useDefaults: true })
      formatsModule.default(ajv)
      expect(() => ajv.compile(plainSchema(schema)), route.operationId).not.toThrow()
    }
  }
})

test('a plain schema loses annotations and keeps properties that look like one', () => {
  const { headers } = routes.receiveTwilioCallback
  expect(Object.keys(plainSchema(headers).properties)).toEqual(['x-twilio-signature'])
  expect(JSON.stringify(routes.createAccessToken.body['application/json'])).toContain('x-unit')
  expect(JSON.stringify(plainSchema(routes.createAccessToken.body['application/json']))).not.toContain('x-unit')
})

test('header names are lower-case, as Node gives them', () => {
  for (const { operationId, headers } of routeList) {
    for (const name of Object.keys(headers?.properties ?? {})) expect(name, operationId).toBe(name.toLowerCase())
  }
})

test('a path can be written with colons', () => {
  expect(colonPath(routes.rotateApiKey.path)).toBe('/v1/:workspace_id/api-keys/:key_id/rotate')
})

test.each([
  ['15m', true],
  ['90s', true],
  ['2026-11-22T08:00:00Z', true],
  ['2026-11-22', true],
  ['yesterday', false],
  ['15 m', false],
])('since=%s is accepted: %s', (since, accepted) => {
  const validate = new Ajv().compile(plainSchema(routes.streamEvents.query))
  expect(validate({ since })).toBe(accepted)
})
