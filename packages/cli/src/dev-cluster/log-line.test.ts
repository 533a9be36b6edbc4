import { expect, test } from 'vitest'
import { logLine } from './log-line.js'

test.each([
  ['{"level":"warn","time":"2026-01-01T00:00:00.000Z","msg":"slow"}', 'warn: slow'],
  [
    '{"level":"info","time":"2026-01-01T00:00:00.000Z","version":"0.1.0","msg":"started"}',
    'info: started {"version":"0.1.0"}',
  ],
  ['{"error":{"code":"bad_request","message":"PORT is taken","exit":2}}', 'error: PORT is taken'],
  ['(node:1) Warning: as it came', '(node:1) Warning: as it came'],
  ['{"msg":"steers \\u001b[31m a terminal"}', 'log: steers ·[31m a terminal'],
  ['"a text"', '"a text"'],
])('%s is shown as: %s', (line, shown) => {
  expect(logLine(line)).toBe(shown)
})
