// Bytes of the feed: numbers big-endian, every byte used.

/**
 * Bytes of the feed cannot be read. Codes: `truncated`, `malformed`, `too_large`, `unsupported`.
 */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  constructor(
    /** Stable. */
    readonly code: string,
    /** For people. */
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

/** 64 bits in two numbers: JavaScript's own have 53. */
export interface Wide {
  readonly high: number
  readonly low: number
}

/** What is left to read. */
export class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(length: number): number {
    if (length > this.left) throw new FormatError('truncated', 'the bytes end early')
    const at = this.#at
    this.#at += length
    return at
  }

  run(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** Eight bytes. Numbers of rules and epochs never come near 2^53. */
  u64(): number {
    const value = this.u32() * 2 ** 32 + this.u32()
    if (!Number.isSafeInteger(value)) throw new FormatError('too_large', 'a number over 2^53')
    return value
  }

  /** LEB128 of at most 64 bits, in its shortest form. */
  leb128(): Wide {
    let [high, low] = [0, 0]
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = this.u8()
      const bits = byte & 0x7f
      // The tenth byte has room for one bit; a last byte of zero is not needed.
      if ((shift === 63 && bits > 1) || (byte === 0 && shift > 0)) break
      if (shift < 32) low |= bits << shift
      if (shift === 28) high = bits >> 4
      else if (shift > 28) high |= bits << (shift - 32)
      if (byte < 0x80) return { high: high >>> 0, low: low >>> 0 }
    }
    throw new FormatError('malformed', 'a number over 64 bits, or in more bytes than it takes')
  }

  /** Four bytes of length, at most `most`. */
  length(most: number): number {
    const length = this.u32()
    if (length > most) throw new FormatError('too_large', `${length}; at most ${most} are due`)
    return length
  }

  end(): void {
    if (this.left > 0) throw new FormatError('malformed', 'bytes after the end')
  }
}

/** Whether two runs of bytes are the same. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
