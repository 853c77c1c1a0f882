// A run of the log: full blocks, its tail, and what a `rules` event carries.
//
// Bytes, numbers big-endian: `CSL1`, epoch (8), the number of the rule before the first (8), the chain up to that
// one (32), how many rules (4), the rules (17 each), the length of a head (4) and the head.

import { utf8 } from '../json.js'
import { FormatError, Reader } from './bytes.js'
import type { Chain } from './chain.js'
import { CHAIN_BYTES } from './chain.js'
import type { Rule } from './rule.js'
import { readRule, RULE_BYTES } from './rule.js'

const MAGIC = 'CSL1'
/** Most rules of one page. */
export const MOST_PAGE_RULES = 65_536
/** Most bytes of a head. */
export const MOST_HEAD = 8 * 1024
/** Most bytes of a page. */
export const MOST_PAGE = 60 + MOST_PAGE_RULES * RULE_BYTES + MOST_HEAD
/** Rules in a full block of the log; a full block never changes. */
export const BLOCK = 4_096

/** A run of rules of one epoch. */
export interface Page {
  readonly epoch: number
  /** How many rules come before: the first one here has the number after this. */
  readonly after: number
  /** The chain over those. */
  readonly chain: Chain
  readonly rules: readonly Rule[]
  /** The rules as they came, for the chain. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** A head that covers them, in the tail of the log. */
  readonly head: string | undefined
}

/** Reads one; every byte must belong to it. */
export function readPage(bytes: Uint8Array<ArrayBuffer>): Page {
  const from = new Reader(bytes)
  expectMagic(from, MAGIC, 'not a page of the log')
  const [epoch, after, chain] = [from.u64(), from.u64(), from.run(CHAIN_BYTES)]
  const count = from.length(MOST_PAGE_RULES)
  const run = from.run(count * RULE_BYTES)
  const inside = new Reader(run)
  const rules = Array.from({ length: count }, () => readRule(inside))
  const head = headText(from.run(from.length(MOST_HEAD)))
  from.end()
  return { epoch, after, chain, rules, bytes: run, head: head === '' ? undefined : head }
}

function headText(bytes: Uint8Array): string {
  try {
    return utf8(bytes)
  } catch {
    throw new FormatError('malformed', 'a head that is not UTF-8')
  }
}

/** Four letters say what follows. */
export function expectMagic(from: Reader, magic: string, detail: string): void {
  if (String.fromCharCode(...from.run(4)) !== magic) throw new FormatError('unsupported', detail)
}
