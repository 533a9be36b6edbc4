/** Where a text stops being JSON, and what was looked for there. Line and column count from 1. */
export interface JsonFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y
const STRING_PART = /[^"\\\u0000-\u001f]*/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y

/**
 * Finds the first fault of a text that `JSON.parse` has refused. The engine's own message quotes the text, which may
 * hold personal data, and does not always say where; so the place is looked for here, once, on the way to a refusal.
 * Linear, and without recursion: depth costs an array element, not a stack frame.
 */
export function locateJsonFault(text: string): JsonFault {
  const open: ('{' | '[')[] = []
  let at = 0
  let expecting: 'value' | 'value or ]' | 'name' | 'name or }' | 'end of value' = 'value'

  const fault = (message: string, offset = at): JsonFault => ({ ...placeOf(text, offset), message })
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    const moved = pattern.lastIndex > at
    at = pattern.lastIndex
    return moved
  }
  /** Undefined when a whole string was read. */
  const string = (): JsonFault | undefined => {
    const start = at++
    for (;;) {
      skip(STRING_PART)
      const next = text[at]
      if (next === '"') {
        at++
        return undefined
      }
      if (next === undefined) return fault('the string is not closed', start)
      if (next !== '\\') return fault('unescaped control character in a string')
      if (!skip(ESCAPE)) return fault('unknown escape in a string')
    }
  }

  for (;;) {
    skip(SPACE)
    const next = text[at]
    if (expecting === 'end of value' && open.length === 0) {
      return next === undefined ? fault('no fault') : fault('unexpected text after the value')
    }
    if (next === undefined) return fault(text.trim() === '' ? 'expected a value' : 'unexpected end')
    const inside = open[open.length - 1]

    switch (expecting) {
      case 'end of value':
        if (next === ',') expecting = inside === '{' ? 'name' : 'value'
        else if (next === (inside === '{' ? '}' : ']')) open.pop()
        else return fault(inside === '{' ? "expected ',' or '}'" : "expected ',' or ']'")
        at++
        break
      case 'name':
      case 'name or }': {
        if (next === '}' && expecting === 'name or }') {
          open.pop()
          at++
          expecting = 'end of value'
          break
        }
        if (next !== '"') return fault('expected a member name in double quotes')
        const wrong = string()
        if (wrong) return wrong
        skip(SPACE)
        if (text[at] !== ':') return fault("expected ':'")
        at++
        expecting = 'value'
        break
      }
      case 'value or ]':
      case 'value':
        if (next === ']' && expecting === 'value or ]') {
          open.pop()
          at++
          expecting = 'end of value'
        } else if (next === '{' || next === '[') {
          open.push(next)
          at++
          expecting = next === '{' ? 'name or }' : 'value or ]'
        } else if (next === '"') {
          const wrong = string()
          if (wrong) return wrong
          expecting = 'end of value'
        } else if (skip(NUMBER) || skip(WORD)) expecting = 'end of value'
        else return fault('expected a value')
        break
    }
  }
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - (before.lastIndexOf('\n') + 1) + 1 }
}
