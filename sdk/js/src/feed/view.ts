// What requests ask while a follower writes: the rules of every epoch that still has some, and how old this
// knowledge is.

import type { Head } from './head.js'
import type { Kind, Names, Rule } from './rule.js'
import { Table } from './table.js'

/** Rules under one epoch and one salt. */
export class Epoch {
  readonly number: number
  readonly salt: Uint8Array<ArrayBuffer>
  readonly table = new Table()
  /** Rules ahead of their number. Apart, so that `coarse` says nothing about them. */
  readonly hints = new Table()

  constructor(number: number, salt: Uint8Array<ArrayBuffer>) {
    this.number = number
    this.salt = salt
  }

  get size(): number {
    return this.table.size + this.hints.size
  }
}

/** A token's names under each salt that may be asked for. */
export type NamesUnder = (salt: Uint8Array<ArrayBuffer>) => Names

/** Rules and their age. */
export class View {
  /** The current epoch first, then older ones that still have rules. */
  epochs: readonly Epoch[] = []
  /** The newest proven head. */
  proven: Head | undefined
  /** When, in time passed, the newest proven head was as old as zero. */
  #born: number | undefined

  /** How many rules are held. */
  get size(): number {
    return this.epochs.reduce((sum, epoch) => sum + epoch.size, 0)
  }

  /** The kind of the rule that covers a token, if any. */
  async covers(iat: number, namesUnder: NamesUnder): Promise<Kind | undefined> {
    for (const epoch of this.epochs) {
      if (epoch.size === 0) continue
      const names = namesUnder(epoch.salt)
      // Hints first: one that is dropped there is in the table by then.
      const kind = (await epoch.hints.covers(names, iat)) ?? (await epoch.table.covers(names, iat))
      if (kind !== undefined) return kind
    }
    return undefined
  }

  /** How old the newest proven head is, in milliseconds. Nothing was ever proven: infinitely. */
  age(elapsed: number): number {
    return this.#born === undefined ? Number.POSITIVE_INFINITY : Math.max(0, elapsed - this.#born)
  }

  /** An empty epoch before the others. */
  start(number: number, salt: Uint8Array<ArrayBuffer>): void {
    this.epochs = [new Epoch(number, salt), ...this.epochs.filter((epoch) => epoch.size > 0)]
  }

  /** All rules of this head are here. Without `born` its age is not known to be any. */
  prove(head: Head, born: number | undefined): void {
    this.proven = head
    if (born !== undefined) this.#born = born
  }

  /** Drops what is over, and older epochs without rules. */
  expire(now: number): void {
    for (const epoch of this.epochs) {
      epoch.table.expire(now)
      epoch.hints.expire(now)
    }
    this.epochs = this.epochs.filter((epoch, at) => at === 0 || epoch.size > 0)
  }
}

/** Hints that the log has caught up with go. */
export function settleHints(epoch: Epoch): void {
  if (epoch.hints.size > 0) epoch.hints.retain((hint: Rule) => !epoch.table.holds(hint))
}
