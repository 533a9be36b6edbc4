import type { Static } from 'typebox'
import { expectTypeOf, test } from 'vitest'
import type { CallState, DataSourceState, OperatorState, SurfaceState } from '../../state/index.js'
import type * as described from './state.js'

/** The same type with its arrays and members writable, as `Static` writes them. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T

test('the state records are described as the reducers make them', () => {
  expectTypeOf<Static<typeof described.CallState>>().toEqualTypeOf<Writable<CallState>>()
  expectTypeOf<Static<typeof described.OperatorState>>().toEqualTypeOf<Writable<OperatorState>>()
  expectTypeOf<Static<typeof described.SurfaceState>>().toEqualTypeOf<Writable<SurfaceState>>()
  expectTypeOf<Static<typeof described.DataSourceState>>().toEqualTypeOf<Writable<DataSourceState>>()
})
