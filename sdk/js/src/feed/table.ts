// Live rules, made for asking: one probe a kind, in arrays of numbers, 24 to 48 bytes a rule.

import type { Kind, Name, Names, Rule } from './rule.js'
import { covers, isOver, KINDS } from './rule.js'

/** Slots of the smallest array. */
const LEAST = 16
/** A slot: name (high, low), cutoff, until. */
const WORDS = 4

/** Cutoff and until. */
interface Span {
  readonly cutoff: number
  readonly until: number
}

/** Rules of one kind. Open addressing, linear probing; the name zero is a free slot. */
class Slots {
  #cells = new Uint32Array(0)
  used = 0

  /** Where a name is, or where it would be put. */
  #place(name: Name): number {
    const mask = this.#cells.length / WORDS - 1
    // Names are hashes already, but those of buckets are not.
    let slot = (Math.imul(name.low ^ name.high, 0x9e3779b1) >>> 7) & mask
    for (;;) {
      const at = slot * WORDS
      const [high, low] = [this.#cells[at], this.#cells[at + 1]]
      if ((high === name.high && low === name.low) || (high === 0 && low === 0)) return at
      slot = (slot + 1) & mask
    }
  }

  find(name: Name): Span | undefined {
    if (this.used === 0) return undefined
    const at = this.#place(name)
    const [high, low, cutoff, until] = this.#cells.subarray(at, at + WORDS)
    return (high === 0 && low === 0) || cutoff === undefined || until === undefined ? undefined : { cutoff, until }
  }

  /** Adds; of two with the same name the wider cutoff and the later `until` hold. */
  put(name: Name, span: Span): void {
    if ((this.used + 1) * WORDS * 3 > this.#cells.length * 2) this.#grow()
    const at = this.#place(name)
    const held = this.#cells.subarray(at, at + WORDS)
    if (held[0] === 0 && held[1] === 0) this.used++
    held.set([name.high, name.low, Math.max(held[2] ?? 0, span.cutoff), Math.max(held[3] ?? 0, span.until)])
  }

  #grow(): void {
    const old = this.#cells
    this.#cells = new Uint32Array(Math.max(LEAST * WORDS, old.length * 2))
    for (let at = 0; at < old.length; at += WORDS) {
      const cell = old.subarray(at, at + WORDS)
      if (cell[0] !== 0 || cell[1] !== 0) {
        this.#cells.set(cell, this.#place({ high: cell[0] ?? 0, low: cell[1] ?? 0 }))
      }
    }
  }

  *each(): Generator<readonly [Name, Span]> {
    for (let at = 0; at < this.#cells.length; at += WORDS) {
      const [high = 0, low = 0, cutoff = 0, until = 0] = this.#cells.subarray(at, at + WORDS)
      if (high !== 0 || low !== 0) yield [{ high, low }, { cutoff, until }]
    }
  }

  /** Only those that stay. */
  kept(stays: (name: Name, span: Span) => boolean): Slots {
    const fewer = new Slots()
    for (const [name, span] of this.each()) if (stays(name, span)) fewer.put(name, span)
    return fewer.used === this.used ? this : fewer
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

  /** The kind of the first rule that covers the token. */
  covers(names: Names, iat: number): Kind | undefined {
    for (const [kind, name] of names) {
      const span = this.#of(kind).find(stored(kind, name))
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
    this.#keep(() => (_, span) => !isOver(span.until, now))
  }

  /** Keeps only these. */
  retain(stays: (rule: Rule) => boolean): void {
    this.#keep((kind) => (name, span) => stays({ kind, name: original(kind, name), ...span }))
  }

  /** Every rule, in no order. */
  *rules(): Generator<Rule> {
    for (const [kind, slots] of this.#slots) {
      for (const [name, span] of slots.each()) yield { kind, name: original(kind, name), ...span }
    }
  }

  #keep(stays: (kind: Kind) => (name: Name, span: Span) => boolean): void {
    for (const [kind, slots] of this.#slots) this.#slots.set(kind, slots.kept(stays(kind)))
  }

  /** Drops what the issuer says buckets cover: of subjects only those whose bucket is seen to. */
  #coarsen(coarse: Rule): void {
    const buckets = this.#of('subpfx')
    const wide = [...buckets.each()].filter(([, span]) => span.cutoff >= coarse.cutoff).map(([, span]) => span.until)
    const reach = Math.min(wide.reduce((most, until) => Math.max(most, until), 0), coarse.until)
    const covered = (name: Name, span: Span): boolean => {
      const bucket = buckets.find({ high: 0, low: (name.high >>> 16) + 1 })
      return bucket !== undefined && bucket.until >= span.until && bucket.cutoff >= Math.min(span.cutoff, coarse.cutoff)
    }
    this.#keep((kind) => {
      if (kind === 'sub') return (name, span) => !covered(name, span) || span.until > coarse.until
      if (kind === 'sid' || kind === 'jti') return (_, span) => span.until > reach
      return () => true
    })
  }
}

