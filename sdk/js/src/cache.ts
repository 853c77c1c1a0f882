// The cache of verified tokens: bounded.
//
// An entry says one thing: "the signature of exactly this token and its static claims were good, under that
// generation of keys". Nobody is let in by it alone: times, staleness, keys and rules are judged on every use.
// Tokens that fail are never kept.

import type { Names } from './feed/rule.js'
import type { Identity } from './identity.js'

/** Tokens longer than this are not kept, in characters. */
const MOST_LENGTH = 8 * 1024

/** A token whose signature was good. */
export interface Entry {
  /** Of the keys it was verified with. */
  readonly generation: number
  readonly identity: Identity
  /** Its names in the feed, by salt. */
  readonly names: WeakMap<Uint8Array, Names>
}

/** Whole tokens are compared; of too many the one not used for longest goes. */
export class Cache {
  readonly #entries = new Map<string, Entry>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(token: string, generation: number): Entry | undefined {
    const entry = this.#entries.get(token)
    if (entry === undefined) return undefined
    this.#entries.delete(token)
    if (entry.generation !== generation) return undefined
    this.#entries.set(token, entry)
    return entry
  }

  keep(token: string, entry: Entry): void {
    if (this.#capacity === 0 || token.length > MOST_LENGTH) return
    this.#entries.delete(token)
    if (this.#entries.size >= this.#capacity) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest)
        break
      }
    }
    this.#entries.set(token, entry)
  }
}
