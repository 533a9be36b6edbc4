/** Where a text stops being JSON, for people. Lines and columns count from 1. */
export interface JsonFault {
  /** Characters before it. */
  readonly at: number
  readonly line: number
  readonly column: number
  readonly message: string
}

export type JsonReading = { readonly value: unknown } | { readonly fault: JsonFault }

/** Reads a JSON text. Browsers tell of a fault each in its own words, and not all of them where: the place is found here. */
export function readJson(text: string): JsonReading {
  try {
    return { value: JSON.parse(text) }
  } catch {
    const { at, message } = new Scanner(text).fault()
    const before = text.slice(0, at).split('\n')
    return { fault: { at, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message } }
  }
}

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

class Fault extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message)
  }
}

/** Walks a text by the grammar of RFC 8259, as far as it goes. */
class Scanner {
  private at = 0

  constructor(private readonly text: string) {}

  /** The first fault of a text that has one. */
  fault(): { readonly at: number; readonly message: string } {
    try {
      this.value()
      this.space()
      return { at: this.at, message: 'nothing may follow the end of the value' }
    } catch (error) {
      // A nesting that is too deep for the stack ends here too.
      return error instanceof Fault ? error : { at: this.at, message: 'this cannot be read' }
    }
  }

  private value(): void {
    this.space()
    const next = this.text[this.at]
    if (next === '{') this.list('}', 'a member or }', () => this.member())
    else if (next === '[') this.list(']', 'a value or ]', () => this.value())
    else if (next === '"') this.string()
    else if (!this.take(LITERAL)) this.stop(this.at, 'a value is expected here')
  }

  private list(end: string, expected: string, each: () => void): void {
    this.at += 1
    this.space()
    if (this.text[this.at] === end) {
      this.at += 1
      return
    }
    for (;;) {
      if (this.at >= this.text.length) this.stop(this.at, `${expected} is expected here`)
      each()
      this.space()
      const next = this.text[this.at]
      this.at += 1
      if (next === end) return
      if (next !== ',') this.stop(this.at - 1, `a comma or ${end} is expected here`)
    }
  }

  private member(): void {
    this.space()
    if (this.text[this.at] !== '"') this.stop(this.at, 'a name in double quotes is expected here')
    this.string()
    this.space()
    if (this.text[this.at] !== ':') this.stop(this.at, 'a colon is expected here')
    this.at += 1
    this.value()
  }

  private string(): void {
    const start = this.at
    this.take(STRING)
    const next = this.text[this.at]
    if (next === '\\') this.stop(this.at, 'this escape is not known')
    // A text that goes on in the next line most often has lost its closing quote.
    if (next !== '"')
      this.stop(start, 'this text has no closing quote, or holds a line break or another control character')
    this.at += 1
  }

  private space(): void {
    this.take(SPACE)
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return false
    this.at += found[0].length
    return true
  }

  private stop(at: number, message: string): never {
    throw new Fault(at, message)
  }
}
