// Live rules, made for asking: one probe a kind, in arrays of numbers, 24 to 48 bytes a rule.

import type { Kind, Name, Names, Rule } from './rule.js'
import { ALWAYS, covers, isOver, KINDS } from './rule.js'

/** Slots of the smallest array. */
const LEAST = 16
/** A slot: name (high, low), cutoff, until. */
const WORDS = 4

/** Cutoff and until. */
interface Span {
  readonly cutoff: number
  readonly until: number
}

/** Whether a rule stays: its name (as stored), its cutoff, its until. */
type Stays = (high: number, low: number, cutoff: number, until: number) => boolean

/** Rules of one kind. Open addressing, linear probing; the name zero is a free slot. */
class Slots {
  #cells = new Uint32Array(0)
  used = 0

  #word(at: number): number {
    return this.#cells[at] ?? 0
  }

  #isFree(at: number): boolean {
    return this.#word(at) === 0 && this.#word(at + 1) === 0
  }

  /** Where a name is, or where it would be put. */
  #place({ high, low }: Name): number {
    const mask = this.#cells.length / WORDS - 1
    // Names are hashes already, but those of buckets are not.
    let slot = (Math.imul(low ^ high, 0x9e3779b1) >>> 7) & mask
    for (;;) {
      const at = slot * WORDS
      if ((this.#word(at) === high && this.#word(at + 1) === low) || this.#isFree(at)) return at
      slot = (slot + 1) & mask
    }
  }

  find(name: Name): Span | undefined {
    if (this.used === 0) return undefined
    const at = this.#place(name)
    return this.#isFree(at) ? undefined : { cutoff: this.#word(at + 2), until: this.#word(at + 3) }
  }

  /** Adds; of two with the same name the wider cutoff and the later `until` hold. */
  put(name: Name, { cutoff, until }: Span): void {
    if ((this.used + 1) * WORDS * 3 > this.#cells.length * 2) this.#grow()
    const at = this.#place(name)
    if (this.#isFree(at)) this.used++
    this.#cells[at] = name.high
    this.#cells[at + 1] = name.low
    this.#cells[at + 2] = Math.max(this.#word(at + 2), cutoff)
    this.#cells[at + 3] = Math.max(this.#word(at + 3), until)
  }

  #grow(): void {
    const old = this.#cells
    this.used = 0
    this.#cells = new Uint32Array(Math.max(LEAST * WORDS, old.length * 2))
    each(old, (high, low, cutoff, until) => this.put({ high, low }, { cutoff, until }))
  }

  each(visit: (high: number, low: number, cutoff: number, until: number) => void): void {
    each(this.#cells, visit)
  }

  /** Only those that stay. */
  kept(stays: Stays): Slots {
    let count = 0
    this.each((high, low, cutoff, until) => {
      if (stays(high, low, cutoff, until)) count++
    })
    if (count === this.used) return this
    const fewer = new Slots()
    this.each((high, low, cutoff, until) => {
      if (stays(high, low, cutoff, until)) fewer.put({ high, low }, { cutoff, until })
    })
    return fewer
  }
}

/** Without an object a rule: tables are read whole now and then, and may be large. */
function each(cells: Uint32Array, visit: (high: number, low: number, cutoff: number, until: number) => void): void {
  for (let at = 0; at < cells.length; at += WORDS) {
    const [high, low] = [cells[at] ?? 0, cells[at + 1] ?? 0]
    if (high !== 0 || low !== 0) visit(high, low, cells[at + 2] ?? 0, cells[at + 3] ?? 0)
  }
}

/** The name in the array: buckets begin at zero, which stands for a free slot. */
function stored(kind: Kind, name: Name): Name {
  return kind === 'subpfx' ? { high: 0, low: name.low + 1 } : name
}

function original(kind: Kind, name: Name): Name {
  return kind === 'subpfx' ? { high: 0, low: name.low - 1 } : name
}

/** The rules of one epoch. */
export class Table {
  readonly #slots = new Map<Kind, Slots>(KINDS.slice(0, -1).map((kind) => [kind, new Slots()]))

  /** How many. */
  get size(): number {
    return [...this.#slots.values()].reduce((sum, slots) => sum + slots.used, 0)
  }

  /** Adds rules in the order of the log. */
  add(rules: Iterable<Rule>): void {
    for (const rule of rules) {
      if (rule.kind === 'coarse') {
        this.#coarsen(rule)
        continue
      }
      const name = stored(rule.kind, rule.name)
      // No token has the name zero.
      if (name.high !== 0 || name.low !== 0) this.#of(rule.kind).put(name, rule)
    }
  }

  #of(kind: Kind): Slots {
    const slots = this.#slots.get(kind)
    if (slots === undefined) throw new Error(`no rules of kind ${kind}`)
    return slots
  }

  /** The kind of the first rule that covers the token, in the order iss, kid, cid, sub, sid, jti, bucket. */
  async covers(names: Names, iat: number): Promise<Kind | undefined> {
    for (const kind of this.#slots.keys()) {
      if (this.#of(kind).used === 0) continue
      const name = await names.of(kind)
      // Looked up after the wait: rules may have come meanwhile.
      const span = name && this.#of(kind).find(stored(kind, name))
      if (span !== undefined && covers(span.cutoff, iat)) return kind
    }
    return undefined
  }

  /** Whether a rule at least as wide as this one is held. */
  holds({ kind, name, cutoff, until }: Rule): boolean {
    const span = this.#slots.get(kind)?.find(stored(kind, name))
    return span !== undefined && span.cutoff >= cutoff && span.until >= until
  }

  /** Drops what is over. `now` in milliseconds. */
  expire(now: number): void {
    this.#keep(() => (_high, _low, _cutoff, until) => !isOver(until, now))
  }

  /** Keeps only these. */
  retain(stays: (rule: Rule) => boolean): void {
    this.#keep((kind) => (high, low, cutoff, until) => stays({ kind, name: original(kind, { high, low }), cutoff, until }))
  }

  #keep(stays: (kind: Kind) => Stays): void {
    for (const [kind, slots] of this.#slots) this.#slots.set(kind, slots.kept(stays(kind)))
  }

  /** Drops what the issuer says buckets cover: of subjects only those whose bucket is seen to. */
  #coarsen(coarse: Rule): void {
    const buckets = this.#of('subpfx')
    let widest = 0
    buckets.each((_high, _low, cutoff, until) => {
      if (cutoff >= coarse.cutoff) widest = Math.max(widest, until)
    })
    const reach = Math.min(widest, coarse.until)
    const covered = (high: number, cutoff: number, until: number): boolean => {
      const bucket = buckets.find({ high: 0, low: (high >>> 16) + 1 })
      return bucket !== undefined && bucket.until >= until && bucket.cutoff >= (cutoff === ALWAYS ? coarse.cutoff : cutoff)
    }
    this.#keep((kind) => {
      if (kind === 'sub') return (high, _, cutoff, until) => !covered(high, cutoff, until) || until > coarse.until
      if (kind === 'sid' || kind === 'jti') return (_high, _low, _cutoff, until) => until > reach
      return () => true
    })
  }
}
