import { failures, SwitchboardError } from '@switchboard/contract'
import { SwitchboardError as SdkError } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { CliError, tell } from './failure.js'

test('every failure of the table exits as the table says, whoever threw it', () => {
  for (const [code, { exit }] of Object.entries(failures)) {
    expect(tell(new CliError(code as keyof typeof failures, 'x')).exit, code).toBe(exit)
    expect(tell(new SwitchboardError(code as keyof typeof failures, 'x')).exit, code).toBe(exit)
    expect(tell(new SdkError(code, 'x')).exit, code).toBe(exit)
  }
})

test('failures on this side of the wire exit like their neighbours in the table', () => {
  expect(tell(new SdkError('connection_failed', 'x')).exit).toBe(failures.unavailable.exit)
  expect(tell(new SdkError('invalid_argument', 'x')).exit).toBe(2)
  expect(tell(new SdkError('credential_failed', 'x')).exit).toBe(3)
})

test('a file that cannot be read is named in plain words', () => {
  const error = Object.assign(new Error('ENOENT: no such file or directory, open'), {
    code: 'ENOENT',
    path: '/x/y.json',
  })
  expect(tell(error)).toMatchObject({ message: '/x/y.json: there is no such file or folder', exit: 2 })
})

test('our own mistakes show their stack only when that was asked for', () => {
  const error = new TypeError('x is not a function')
  expect(tell(error).message).toBe('x is not a function')
  expect(tell(error, true).message).toContain('failure.test')
  expect(tell(error).exit).toBe(failures.internal.exit)
})
