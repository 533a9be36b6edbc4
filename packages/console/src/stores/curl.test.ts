import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { curlCommand } from './curl.js'

/** What `curl` would be given by a real shell. */
function argumentsOf(command: string): readonly string[] {
  const script = `curl() { for each in "$@"; do printf '%s\\0' "$each"; done; }\n${command}`
  const env = { SWITCHBOARD_KEY: 'key-of-the-shell' }
  return execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).split('\0').slice(0, -1)
}

test('a shell hands curl the address, the key of its environment and the event as it stands', () => {
  const body = `{\n  "reason": "it's $HOME \\"quoted\\" \`id\`"\n}`
  const command = curlCommand({ origin: 'https://x.example', workspaceId: 'w1', callSid: undefined, body })
  expect(argumentsOf(command)).toEqual([
    '-X',
    'POST',
    'https://x.example/v1/w1/events',
    '-H',
    'Authorization: Bearer key-of-the-shell',
    '-H',
    'Content-Type: application/json',
    '-d',
    body,
  ])
})

test('an observer event goes to its call, whatever the call is named', () => {
  const command = curlCommand({ origin: 'https://x.example', workspaceId: 'w1', callSid: "C'A/1", body: '{}' })
  expect(argumentsOf(command)).toContain("https://x.example/v1/w1/calls/C'A%2F1/events")
})
