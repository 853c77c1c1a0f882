// A snapshot: every rule of an epoch that was live at a moment, sorted and delta-coded. Named in a signed head by
// its SHA-256; believed under that alone.
//
// Bytes, numbers big-endian: `CSS1`, feed (16), epoch (8), seq (8), the chain up to seq (32), the least `until`
// (4; of no rules: 0), then for each kind 1 to 7 how many rules (4) and the rules, sorted by name. A rule: the difference of its
// name to the one before, its cutoff plus one (0: always), its `until` minus the least, each as LEB128.

import type { Wide } from './bytes.js'
import { FormatError, Reader } from './bytes.js'
import type { Chain } from './chain.js'
import { CHAIN_BYTES } from './chain.js'
import { expectMagic } from './page.js'
import type { Rule } from './rule.js'
import { ALWAYS, KINDS } from './rule.js'

const MAGIC = 'CSS1'
const MOST_32 = 0xffff_ffff
/** A byte for each of name, cutoff and until. */
const LEAST_RULE = 3
/** Bytes of the name of a feed. */
export const FEED_BYTES = 16

/** What a snapshot holds. */
export interface Snapshot {
  readonly feed: Uint8Array<ArrayBuffer>
  readonly epoch: number
  /** It covers the first so many rules. */
  readonly seq: number
  /** The chain over those. */
  readonly chain: Chain
  /** The live ones among them, one a name. */
  readonly rules: readonly Rule[]
}

/** Reads one of at most `most` rules: strictly sorted, canonical, every byte used. */
export function readSnapshot(bytes: Uint8Array<ArrayBuffer>, most: number): Snapshot {
  const from = new Reader(bytes)
  expectMagic(from, MAGIC, 'not a snapshot')
  const [feed, epoch, seq, chain] = [from.run(FEED_BYTES), from.u64(), from.u64(), from.run(CHAIN_BYTES)]
  const least = from.u32()
  const rules: Rule[] = []
  for (const kind of KINDS.slice(0, -1)) {
    const count = from.length(most - rules.length)
    if (count * LEAST_RULE > from.left) throw new FormatError('truncated', `no room for ${count} rules`)
    let name: Wide = { high: 0, low: 0 }
    for (let i = 0; i < count; i++) {
      const step = from.leb128()
      if (i > 0 && step.high === 0 && step.low === 0) throw new FormatError('malformed', `two ${kind} rules of one name`)
      name = sum(name, step)
      rules.push(rule(kind, name, narrow(from.leb128()), least + narrow(from.leb128())))
    }
  }
  from.end()
  if (rules.reduce((low, { until }) => Math.min(low, until), rules[0]?.until ?? 0) !== least) {
    throw new FormatError('malformed', 'the least until is not one of a rule')
  }
  return { feed, epoch, seq, chain, rules }
}

function rule(kind: Rule['kind'], name: Wide, cutoff: number, until: number): Rule {
  const tooWide = name.high > MOST_32 || (kind === 'subpfx' && (name.high > 0 || name.low > 0xffff))
  if (tooWide || until > MOST_32) throw new FormatError('malformed', `a number of a ${kind} rule`)
  return { kind, name, cutoff: cutoff === 0 ? ALWAYS : cutoff - 1, until }
}

function sum(a: Wide, b: Wide): Wide {
  const low = a.low + b.low
  return { high: a.high + b.high + (low > MOST_32 ? 1 : 0), low: low >>> 0 }
}

function narrow({ high, low }: Wide): number {
  if (high === 0) return low
  throw new FormatError('malformed', 'a time over 32 bits')
}
