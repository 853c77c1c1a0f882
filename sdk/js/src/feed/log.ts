// The log of one epoch as far as it is proven, and rules after that which wait for a head.

import { Reader, same } from './bytes.js'
import type { Chain } from './chain.js'
import { genesis, over } from './chain.js'
import type { Page } from './page.js'
import type { Rule } from './rule.js'
import { readRule, RULE_BYTES } from './rule.js'

/** Most rules that wait for a head (17 bytes each). An issuer names a snapshot at least this often. */
export const MOST_WAITING = 1 << 20

/**
 * What a page came to: it extends what was had, or repeats it; it does not, for a reason, and what waited may be
 * gone; or its chain up to the proven rule is another one than the proven one.
 */
export type Taken = 'done' | 'contradicts' | { readonly refused: string }

type Bytes = Uint8Array<ArrayBuffer>

/** The log of one epoch. */
export class Log {
  readonly epoch: number
  #seq = 0
  #chain: Chain
  /** What follows, unproven, in a buffer that grows. */
  #buffer: Bytes = new Uint8Array(0)
  #length = 0
  /** The chain over everything. */
  #end: Chain

  private constructor(epoch: number, chain: Chain) {
    this.epoch = epoch
    this.#chain = chain
    this.#end = chain
  }

  static async of(feed: Uint8Array, epoch: number): Promise<Log> {
    return new Log(epoch, await genesis(feed, epoch))
  }

  /** How many rules are proven. */
  get seq(): number {
    return this.#seq
  }

  /** The chain over those. */
  get chain(): Chain {
    return this.#chain
  }

  /** How many rules are here, proven and waiting. */
  get had(): number {
    return this.#seq + this.#length / RULE_BYTES
  }

  get #waiting(): Bytes {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Proven up to here by a snapshot; what waited has to be had again. */
  jump(seq: number, chain: Chain): void {
    this.#seq = seq
    this.#chain = chain
    this.forget()
  }

  /** Drops what waits. */
  forget(): void {
    this.#buffer = new Uint8Array(0)
    this.#length = 0
    this.#end = this.#chain
  }

  /** Takes a page of this epoch. */
  async take(page: Page): Promise<Taken> {
    if (page.after + page.rules.length <= this.#seq) return 'done'
    if (page.after > this.had) return { refused: 'a page after a gap' }
    if (page.after <= this.#seq) return this.#takeFromProven(page)
    // It begins among the rules that wait, or right behind them.
    const more = this.#beyond(page.after, page.bytes)
    if (more === undefined) {
      this.forget()
      return { refused: 'a page that contradicts one before' }
    }
    if (more.length === page.bytes.length && !same(page.chain, this.#end)) {
      this.forget()
      return { refused: 'a page whose chain is not that of the rules before' }
    }
    return this.#append(more)
  }

  /** A page that begins at the proven rule or before. */
  async #takeFromProven(page: Page): Promise<Taken> {
    const known = (this.#seq - page.after) * RULE_BYTES
    if (!same(await over(page.chain, page.bytes.subarray(0, known)), this.#chain)) return 'contradicts'
    const after = page.bytes.subarray(known)
    const more = this.#beyond(this.#seq, after)
    // This one begins where the proof ends; what waited may have been forged.
    if (more === undefined) this.forget()
    return this.#append(more ?? after)
  }

  /** The rules that are not here yet; nothing if those that should be here are others. */
  #beyond(after: number, rules: Bytes): Bytes | undefined {
    const here = this.#waiting.subarray((after - this.#seq) * RULE_BYTES)
    const shared = Math.min(here.length, rules.length)
    return same(here.subarray(0, shared), rules.subarray(0, shared)) ? rules.subarray(shared) : undefined
  }

  async #append(rules: Bytes): Promise<Taken> {
    const length = this.#length + rules.length
    if (length > MOST_WAITING * RULE_BYTES) return { refused: 'more rules than may wait for a head' }
    const end = await over(this.#end, rules)
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
      larger.set(this.#waiting)
      this.#buffer = larger
    }
    this.#buffer.set(rules, this.#length)
    this.#length = length
    this.#end = end
    return 'done'
  }

  /** The chain over the first `seq` rules, if they are here, going on from an earlier one. */
  async chainFrom(from: { readonly seq: number; readonly chain: Chain }, seq: number): Promise<Chain | undefined> {
    if (seq === this.had) return this.#end
    if (seq < from.seq || seq > this.had) return undefined
    return over(from.chain, this.#waiting.subarray((from.seq - this.#seq) * RULE_BYTES, (seq - this.#seq) * RULE_BYTES))
  }

  /** The rules that wait up to `seq`. */
  upTo(seq: number): Rule[] {
    const count = seq - this.#seq
    const from = new Reader(this.#waiting.subarray(0, count * RULE_BYTES))
    return Array.from({ length: count }, () => readRule(from))
  }

  /** Proven up to `seq`, whose chain this is. */
  prove(seq: number, chain: Chain): void {
    const rest = this.#waiting.slice((seq - this.#seq) * RULE_BYTES)
    this.#seq = seq
    this.#chain = chain
    this.#buffer = rest
    this.#length = rest.length
  }
}
