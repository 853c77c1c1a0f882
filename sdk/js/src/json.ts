// Strict JSON (RFC 8259): what every header, claim set and key set is read with.
//
// Stricter than the grammar where two readers could disagree (RFC 7515 4, RFC 7519 4, RFC 8725 3.10):
// duplicate members anywhere, lone surrogates, trailing data, integers outside 64 bits, numbers that
// overflow a double, and deep nesting are refused. A scanner of our own, because JSON.parse keeps the last of
// two members and says nothing: any check beside it would be a second reader that could disagree with the first.
// Whole numbers beyond 2^53 are read as the nearest double, as in any script.

/** A JSON value. What the scanner gives is frozen. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
/** A JSON object. */
export type JsonObject = { readonly [name: string]: Json }

/** Objects and arrays inside one another, the outermost counted. */
const MAX_DEPTH = 32
const MOST_UNSIGNED = 2n ** 64n - 1n
const LEAST_SIGNED = -(2n ** 63n)
/** Integers of so many characters fit 64 bits, whatever they say. */
const SURELY_FITS = 18

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const CARE = /[\\\u0000-\u001f]/
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t',
}
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Why a text was refused. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/** Reads a whole document. */
export function parse(document: Uint8Array | string): Json {
  const scanner = new Scanner(typeof document === 'string' ? document : utf8(document))
  const value = scanner.value()
  scanner.end()
  return value
}

/** Whether a value is an object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member of an object itself; `undefined` when it is absent. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** The bytes as text. */
export function utf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new JsonError('not UTF-8')
  }
}

class Scanner {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  #refuse(what: string): never {
    throw new JsonError(`${what} at ${this.#at}`)
  }

  /** The next character that is not white space; NaN at the end. */
  #peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code
      this.#at++
    }
  }

  #take(code: number): boolean {
    if (this.#peek() !== code) return false
    this.#at++
    return true
  }

  #deeper(): void {
    if (this.#depth === MAX_DEPTH) this.#refuse('nested too deep')
    this.#depth++
    this.#at++
  }

  end(): void {
    if (!Number.isNaN(this.#peek())) this.#refuse('trailing data')
  }

  value(): Json {
    switch (this.#peek()) {
      case 0x22:
        return this.#string()
      case 0x7b:
        return this.#object()
      case 0x5b:
        return this.#array()
      default:
        return this.#literal()
    }
  }

  #object(): JsonObject {
    this.#deeper()
    const object: Record<string, Json> = {}
    for (let first = true; !this.#take(0x7d); first = false) {
      if (!first && !this.#take(0x2c)) this.#refuse('no comma between members')
      if (this.#peek() !== 0x22) this.#refuse('no member name')
      const name = this.#string()
      if (Object.hasOwn(object, name)) this.#refuse('duplicate member')
      if (!this.#take(0x3a)) this.#refuse('no colon after a member name')
      const value = this.value()
      // An assignment to this one name would set the prototype instead.
      if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true })
      else object[name] = value
    }
    this.#depth--
    return Object.freeze(object)
  }

  #array(): readonly Json[] {
    this.#deeper()
    const array: Json[] = []
    for (let first = true; !this.#take(0x5d); first = false) {
      if (!first && !this.#take(0x2c)) this.#refuse('no comma between elements')
      array.push(this.value())
    }
    this.#depth--
    return Object.freeze(array)
  }

  #literal(): Json {
    for (const [word, value] of [['true', true], ['false', false], ['null', null]] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    return this.#number()
  }

  #number(): number {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) return this.#refuse('no value')
    const [text, fraction, exponent] = match
    const number = Number(text)
    const whole = fraction === undefined && exponent === undefined
    if (!Number.isFinite(number) || (whole && !fits(text))) this.#refuse('number out of range')
    this.#at += text.length
    return number
  }

  #string(): string {
    const start = ++this.#at
    const end = this.#text.indexOf('"', start)
    if (end < 0) return this.#refuse('string without end')
    const text = this.#text.slice(start, end)
    if (CARE.test(text)) return this.#escaped()
    this.#at = end + 1
    return text
  }

  /** A string after its quote, character by character. */
  #escaped(): string {
    let out = ''
    for (;;) {
      const char = this.#text.charAt(this.#at++)
      if (char === '"') return out
      if (char === '\\') out += this.#escape()
      else if (char === '') this.#refuse('string without end')
      else if (char < ' ') this.#refuse('control character in a string')
      else out += char
    }
  }

  #escape(): string {
    const char = this.#text.charAt(this.#at++)
    if (char !== 'u') return ESCAPES[char] ?? this.#refuse('unknown escape')
    const first = this.#hex4()
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first)
    // RFC 8259 7: a surrogate without its other half is no character.
    if (first > 0xdbff || !this.#text.startsWith('\\u', this.#at)) return this.#refuse('lone surrogate')
    this.#at += 2
    const second = this.#hex4()
    if (second < 0xdc00 || second > 0xdfff) this.#refuse('lone surrogate')
    return String.fromCharCode(first, second)
  }

  #hex4(): number {
    const digits = this.#text.slice(this.#at, this.#at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#refuse('bad \\u escape')
    this.#at += 4
    return Number.parseInt(digits, 16)
  }
}

function fits(integer: string): boolean {
  if (integer.length <= SURELY_FITS) return true
  if (integer.length > 20) return false
  const value = BigInt(integer)
  return value <= MOST_UNSIGNED && value >= LEAST_SIGNED
}
