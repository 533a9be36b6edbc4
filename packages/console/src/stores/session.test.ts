import { describe, expect, test } from 'vitest'
import { claimsOf, currentOf, nobody, readSessions, type Session, signedIn, signedOut, tokenOfLink } from './session.js'
import { SessionStore, type TabChannel } from './session-store.js'
import { Frames } from './stand.test-kit.js'

const session = (workspaceId: string, credential = 'key'): Session => ({
  credential,
  workspaceId,
  workspaceName: `Workspace ${workspaceId}`,
})

describe('who is signed in', () => {
  test('looks at the workspace that was signed in to last, or at one that is left', () => {
    const both = signedIn(signedIn(nobody, session('a')), session('b'))
    expect(currentOf(both)?.workspaceId).toBe('b')
    expect(currentOf(signedOut(both, 'b'))?.workspaceId).toBe('a')
    expect(currentOf(signedOut(signedOut(both, 'b'), 'a'))).toBeUndefined()
  })

  test('has one credential for a workspace: the newest', () => {
    const { all } = signedIn(signedIn(nobody, session('a', 'old')), session('a', 'new'))
    expect(all).toEqual([session('a', 'new')])
  })

  test('is read from what a tab left, whatever that is', () => {
    const kept = signedIn(nobody, session('a'))
    expect(readSessions(JSON.parse(JSON.stringify(kept)))).toEqual(kept)
    expect(readSessions({ all: [session('a'), { credential: 1 }], current: 'gone' })).toEqual(kept)
    for (const broken of [null, 7, 'x', [], {}, { all: 'x' }]) expect(readSessions(broken)).toBeUndefined()
  })
})

test('a token says where it belongs and when it ends; a key says nothing', () => {
  const token = (claims: object) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`
  expect(claimsOf(token({ ws: 'w1', exp: 5 }))).toEqual({ workspaceId: 'w1', expiresAt: 5000 })
  for (const other of ['sb_abc_def', 'a.b.c', token({}), token({ ws: 1 }), '']) expect(claimsOf(other)).toBeUndefined()
  expect(tokenOfLink('#token=abc')).toBe('abc')
  expect(tokenOfLink('#other=abc')).toBeUndefined()
})

/** Tabs of one browser: each hears what the others say. */
function tabs() {
  const listeners: ((event: { readonly data: unknown }) => void)[] = []
  return () => {
    const frames = new Frames()
    let own: (typeof listeners)[number] | undefined
    const channel: TabChannel = {
      postMessage: (data) => {
        for (const hear of listeners) if (hear !== own) hear({ data })
      },
      addEventListener: (_type, listener) => {
        own = listener
        listeners.push(listener)
      },
    }
    const kept = new Map<string, string>()
    const storage = {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
    } as Storage
    return { store: new SessionStore({ storage, frame: frames.frame, channel }), frames }
  }
}

test('a new tab hears who is signed in from another, and signing out is heard by all', async () => {
  const open = tabs()
  const { store: first } = open()
  first.signIn(session('a'), session('b'))
  const { store: second, frames } = open()
  const joined = second.join()
  await frames.draw()
  await joined
  expect(currentOf(second.get())?.workspaceId).toBe('a')
  second.signOut('a')
  expect(first.latest.all.map(({ workspaceId }) => workspaceId)).toEqual(['b'])
})

test('a tab that nobody answers asks a person', async () => {
  const { store } = tabs()()
  await store.join()
  expect(currentOf(store.get())).toBeUndefined()
})
