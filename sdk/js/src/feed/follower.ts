// The follower: takes what comes, from whatever relay, and believes what a head of a pinned key proves.
//
// Rules of pages wait until a head's chain covers them; a snapshot is believed by its digest in a head; a head
// counts only if it is later than the last one and complete: every rule up to its `seq` is applied. Its age is
// measured from its receipt, not from when its rules were complete. A head of a new epoch starts an empty log
// beside the old ones, whose rules stay until they are over. Everything that waits is bounded.
//
// The same beliefs as the Rust crate `countersign-feed`, held to it by the scripts in sdk/vectors.

import { VerifyError } from '../error.js'
import { within } from '../flight.js'
import { sha256 } from '../sha256.js'
import { FormatError, same } from './bytes.js'
import type { Chain } from './chain.js'
import { over } from './chain.js'
import type { Head, Pins, SnapRef } from './head.js'
import { SKEW } from './head.js'
import { Log, MOST_WAITING } from './log.js'
import type { Page } from './page.js'
import { BLOCK, MOST_HEAD } from './page.js'
import { RULE_BYTES } from './rule.js'
import { readSnapshot } from './snapshot.js'
import type { Epoch } from './view.js'
import { settleHints, View } from './view.js'

/** Most heads that wait for their rules. */
const MOST_HEADS = 8
/** Most rules held ahead of their number; what comes beyond is left to the log. */
const MOST_HINTS = 65_536
/** Most announced keys remembered, the latest ones. */
const MOST_ANNOUNCED = 8
/** Most epochs at once. A further one is refused until the rules of an old one are over. */
const MOST_EPOCHS = 16
/** How long one thing may take before the next one does not wait any more, in milliseconds. */
const PATIENCE = 30_000
/** A snapshot is preferred when it saves at least so many rules of the log. */
const SNAPSHOT_SAVES = 8 * BLOCK

/** What the follower needs to become complete. */
export type Need =
  | { readonly kind: 'nothing' }
  /** None has come yet, or only a later one helps. */
  | { readonly kind: 'head' }
  /** Pages of this epoch after this rule. */
  | { readonly kind: 'log'; readonly epoch: number; readonly after: number }
  | { readonly kind: 'snapshot'; readonly epoch: number; readonly snap: SnapRef }

/** Why something was not believed. */
export type RefusedCode = 'head' | 'ahead' | 'other_feed' | 'old' | 'fork' | 'unproven' | 'format'

/**
 * Something was not believed. What was proven stays. `fork`: the signed chain contradicts the rules had, so the
 * log was changed; nothing counts until a later epoch comes.
 */
export class Refused extends Error {
  override readonly name = 'Refused'
  constructor(
    readonly code: RefusedCode,
    detail: string,
    /** The code of the head's or the format's error. */
    readonly inner?: string,
  ) {
    super(detail)
  }
}

interface Waiting {
  readonly head: Head
  /** When it was as old as zero; `undefined` if that cannot be told. */
  readonly born: number | undefined
}

/** Wall and monotonic time of receipt, in milliseconds. */
export interface Moment {
  readonly wall: number
  readonly elapsed: number
  /** Out of a journal: it may have expired. */
  readonly kept?: boolean
}

/** Follows one feed. Takes one thing after the other, however they come. */
export class Follower {
  readonly view = new View()
  readonly #mostRules: number
  #pins: Pins
  #announced: string[] = []
  #feed: Uint8Array | undefined
  #log: Log | undefined
  /** Heads that wait for their rules, of the current epoch, in their order. */
  #heads: Waiting[] = []
  /** A page that came before the first head of its epoch. */
  #early: Page | undefined
  #forked = false
  #gone = false
  #queue: Promise<void> = Promise.resolve()

  /** Follows the feed whose keys are pinned, with room for so many rules. */
  constructor(pins: Pins, mostRules: number) {
    this.#pins = pins
    this.#mostRules = mostRules
  }

  /** The keys believed from now on; who calls this asked {@link mayPin} about each. */
  pin(pins: Pins): void {
    if (!pins.isEmpty) this.#pins = pins
  }

  /** Whether a key of that thumbprint is believed already, or was announced by a head that was. */
  mayPin(kid: string): boolean {
    return this.#pins.has(kid) || this.#announced.includes(kid)
  }

  /** The log was changed under signed heads. */
  get forked(): boolean {
    return this.#forked
  }

  /** Where the log is, for asking on. */
  get position(): { readonly epoch: number; readonly seq: number } | undefined {
    return this.#log && { epoch: this.#log.epoch, seq: this.#log.had }
  }

  /** Changes with everything that is proven. */
  get mark(): string {
    const { proven } = this.view
    return JSON.stringify([
      this.#log?.epoch, this.#log?.seq, proven?.epoch, proven?.seq, proven?.asOf, this.#announced, this.#forked,
    ])
  }

  /** Takes a head. */
  head(jws: string, at: Moment): Promise<void> {
    return this.#oneByOne(() => this.#takeHead(jws, at))
  }

  /** Takes a page, and its head if it has one. */
  page(page: Page, at: Moment): Promise<void> {
    return this.#oneByOne(() => this.#takePage(page, at))
  }

  /** Takes the bytes of a snapshot. */
  snapshot(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#oneByOne(() => this.#takeSnapshot(bytes))
  }

  /** Takes rules not yet numbered. Only from the issuer itself, over its own connection. */
  hint(page: Page): void {
    const current = this.view.epochs[0]
    if (current === undefined) return
    const news = page.rules.filter((rule) => rule.kind !== 'coarse' && !current.table.holds(rule))
    current.hints.add(news.slice(0, Math.max(0, MOST_HINTS - current.hints.size)))
  }

  /**
   * What is needed is not there: the log does not go back so far, or belongs to another epoch, or the snapshot was
   * replaced. Something else will be needed then, at last a later head.
   */
  gone(): void {
    const need = this.need()
    if (need.kind === 'snapshot') {
      this.#heads = this.#heads.map((waiting) =>
        waiting.head.snap && sameSnap(waiting.head.snap, need.snap) ? { ...waiting, head: { ...waiting.head, snap: undefined } } : waiting,
      )
    }
    this.#gone = true
  }

  /** What is missing. */
  need(): Need {
    const log = this.#log
    if (log === undefined || this.#forked) return { kind: 'head' }
    const last = this.#heads.at(-1)?.head
    if (last === undefined) return { kind: this.view.proven?.epoch === log.epoch ? 'nothing' : 'head' }
    const newest = this.#newestSnapshot(log)
    const saves = newest !== undefined && newest.seq - log.had >= SNAPSHOT_SAVES
    if (newest !== undefined && (this.#gone || saves || last.seq - log.seq > MOST_WAITING)) {
      return { kind: 'snapshot', epoch: log.epoch, snap: newest }
    }
    return newest === undefined && this.#gone ? { kind: 'head' } : { kind: 'log', epoch: log.epoch, after: log.had }
  }

  /** The newest one of more than is proven. */
  #newestSnapshot(log: Log): SnapRef | undefined {
    const snaps = this.#heads.flatMap(({ head: { snap, seq } }) => (snap !== undefined && snap.seq <= seq ? [snap] : []))
    const useful = snaps.filter((snap) => snap.seq > log.seq)
    return useful.reduce<SnapRef | undefined>((most, snap) => (most && most.seq > snap.seq ? most : snap), undefined)
  }

  /** Drops rules that are over by both this clock and the newest proven head. */
  expire(wall: number): void {
    if (this.view.proven !== undefined) this.view.expire(Math.min(wall, this.view.proven.asOf))
  }

  /** Drops what waits. */
  forget(): void {
    this.#heads = []
    this.#early = undefined
    this.#log?.forget()
  }

  /**
   * Hashes are made elsewhere and awaited; what comes meanwhile waits its turn. Not for ever: Workers cancel what a
   * request began when that request ends.
   */
  async #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#queue
    let over = (): void => undefined
    this.#queue = new Promise((done) => {
      over = done
    })
    await within(before, PATIENCE)
    try {
      return await work()
    } finally {
      over()
    }
  }

  async #takeSnapshot(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#forked) throw forkedBefore()
    const digest = await sha256(bytes)
    const [log, current] = [this.#log, this.view.epochs[0]]
    const named = this.#heads.find(({ head: { snap } }) => snap !== undefined && same(snap.sha256, digest))?.head
    if (named?.snap === undefined) throw unproven('a snapshot that no head names whose rules are missing')
    if (log === undefined || current === undefined) throw unproven('a snapshot before any head')
    const { seq } = named.snap
    const snapshot = formatted(() => readSnapshot(bytes, this.#mostRules))
    if (!same(snapshot.feed, this.#feed ?? new Uint8Array(0)) || snapshot.epoch !== log.epoch || snapshot.seq !== seq) {
      throw unproven('a snapshot of something else than its head says')
    }
    if (seq < log.seq) throw unproven('a snapshot of less than is proven')
    if (seq === log.seq && !same(snapshot.chain, log.chain)) throw this.#fork()
    this.#makeRoom(snapshot.rules.length)
    current.table.add(snapshot.rules)
    log.jump(seq, snapshot.chain)
    this.#gone = false
    if (this.#heads.some(({ head }) => head.seq === seq && !same(head.chain, snapshot.chain))) throw this.#fork()
    this.#heads = this.#heads.filter(({ head }) => head.seq >= seq)
    await this.#settle()
  }

  async #takePage(page: Page, at: Moment): Promise<void> {
    let refused: unknown
    if (page.head !== undefined) await this.#takeHead(page.head, at).catch((error: unknown) => { refused = error })
    // The answer to a question for more rules may end with the head that is here already.
    if (refused instanceof Refused && refused.code === 'old') refused = undefined
    const rules = this.#takeRules(page)
    if (refused === undefined) return rules
    await rules.catch(() => undefined)
    throw refused
  }

  async #takeRules(page: Page): Promise<void> {
    const log = this.#log
    if (log === undefined || log.epoch < page.epoch) {
      this.#early = { ...page, head: undefined }
      return
    }
    if (log.epoch > page.epoch) throw unproven('a page of an epoch that is past')
    if (this.#forked) throw forkedBefore()
    const taken = await log.take(page)
    if (taken === 'done') return this.#settle()
    if (taken !== 'contradicts') throw unproven(taken.refused)
    // Forged, unless a signed head vouches for it.
    let [seq, chain, rest] = [page.after, page.chain, page.bytes]
    for (const { head } of this.#heads) {
      const more = Math.max(0, head.seq - seq) * RULE_BYTES
      if (more > rest.length) break
      chain = await over(chain, rest.subarray(0, more))
      rest = rest.subarray(more)
      seq = head.seq
      if (same(chain, head.chain)) throw this.#fork()
    }
    throw unproven('a page that contradicts what is proven')
  }

  async #takeHead(jws: string, { wall, elapsed, kept = false }: Moment): Promise<void> {
    if (jws.length > MOST_HEAD) throw new Refused('format', `a head of over ${MOST_HEAD} bytes`, 'too_large')
    const head = await this.#read(jws, wall, kept)
    if (this.#feed !== undefined && !same(this.#feed, head.feed)) throw new Refused('other_feed', 'a head of another feed')
    const known = head.asOf - wall <= SKEW
    if (!known && !kept) {
      throw new Refused('ahead', `the head is ${head.asOf - wall} ms ahead of this machine's clock`)
    }
    const born = known ? elapsed - Math.max(0, wall - head.asOf) : undefined
    const log = this.#log
    if (log !== undefined && head.epoch < log.epoch) throw old()
    if (log !== undefined && head.epoch === log.epoch) this.#checkOrder(log, head)
    else await this.#start(head)
    this.#announce(head)
    this.#wait({ head, born })
    await this.#settle()
    const early = this.#early
    if (early !== undefined && this.#log?.epoch === early.epoch) {
      this.#early = undefined
      // Nobody asked for it; whether it fits is not the head's fault.
      await this.#takeRules(early).catch(() => undefined)
    }
  }

  async #read(jws: string, wall: number, kept: boolean): Promise<Head> {
    try {
      return await this.#pins.read(jws, wall, kept)
    } catch (error) {
      throw error instanceof VerifyError ? new Refused('head', `head: ${error.message}`, error.code) : error
    }
  }

  /** A head of the current epoch: is it news, and does it agree with what is known? */
  #checkOrder(log: Log, head: Head): void {
    if (this.#forked) throw forkedBefore()
    const proven = this.view.proven?.epoch === head.epoch ? this.view.proven : undefined
    const waiting = this.#heads.map((waiting) => waiting.head)
    const signed: { readonly seq: number; readonly chain: Chain }[] = [log, ...waiting, ...(proven ? [proven] : [])]
    if (signed.some(({ seq, chain }) => seq === head.seq && !same(chain, head.chain))) throw this.#fork()
    if (!same(this.view.epochs[0]?.salt ?? new Uint8Array(0), head.salt)) {
      throw unproven("a head with another salt than its epoch's")
    }
    const afterProven = this.view.proven === undefined || order(this.view.proven, head) < 0
    if (!afterProven || head.seq < log.seq || waiting.some((other) => order(other, head) === 0)) throw old()
  }

  /** The first head, or one of a later epoch. */
  async #start(head: Head): Promise<void> {
    if (this.view.epochs.filter((epoch) => epoch.size > 0).length >= MOST_EPOCHS) {
      throw unproven('more epochs at once than are kept')
    }
    this.#log = await Log.of(head.feed, head.epoch)
    this.#feed = head.feed
    this.#heads = []
    this.#forked = false
    this.#gone = false
    this.view.start(head.epoch, head.salt)
  }

  #announce({ nextKey }: Head): void {
    if (nextKey === undefined || this.#announced.includes(nextKey)) return
    this.#announced = [...this.#announced, nextKey].slice(-MOST_ANNOUNCED)
  }

  /** Puts a head in its place. Of too many the second latest goes: the first ones are the next to be proven. */
  #wait(waiting: Waiting): void {
    if (this.#log !== undefined && this.#newestSnapshot(this.#log) === undefined) this.#gone = false
    const later = this.#heads.findIndex(({ head }) => order(head, waiting.head) >= 0)
    this.#heads.splice(later < 0 ? this.#heads.length : later, 0, waiting)
    if (this.#heads.length > MOST_HEADS) this.#heads.splice(MOST_HEADS - 1, 1)
  }

  /** Proves what can be: applies the rules up to the latest head whose chain they have. */
  async #settle(): Promise<void> {
    const [log, current] = [this.#log, this.view.epochs[0]]
    if (log === undefined || current === undefined) return
    let reached: { seq: number; chain: Chain } = { seq: log.seq, chain: log.chain }
    let best = -1
    let forged = false
    for (const [place, { head }] of this.#heads.entries()) {
      const chain = await log.chainFrom(reached, head.seq)
      if (chain === undefined) break
      forged = !same(chain, head.chain)
      if (forged) break
      reached = { seq: head.seq, chain }
      best = place
    }
    if (best >= 0) this.#prove(log, current, reached, best)
    if (forged) {
      log.forget()
      throw unproven('rules that the signed head does not cover')
    }
  }

  #prove(log: Log, current: Epoch, reached: { seq: number; chain: Chain }, best: number): void {
    this.#makeRoom(reached.seq - log.seq)
    current.table.add(log.upTo(reached.seq))
    log.prove(reached.seq, reached.chain)
    settleHints(current)
    const proven = this.#heads.splice(0, best + 1).at(-1)
    if (proven !== undefined) this.view.prove(proven.head, proven.born)
    this.#gone = false
  }

  /** Without room nothing more is proven, so knowledge ages and routes refuse: never a rule less. */
  #makeRoom(more: number): void {
    if (this.view.size + more > this.#mostRules) throw unproven('more rules than this verifier keeps')
  }

  #fork(): Refused {
    this.#forked = true
    this.forget()
    return new Refused('fork', 'the chain of the signed head contradicts the log')
  }
}

function sameSnap(a: SnapRef, b: SnapRef): boolean {
  return a.seq === b.seq && a.url === b.url && same(a.sha256, b.sha256)
}

/** Heads are ordered by epoch, rules and time. */
function order(a: Head, b: Head): number {
  return a.epoch - b.epoch || a.seq - b.seq || a.asOf - b.asOf
}

function formatted<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof FormatError ? new Refused('format', error.message, error.code) : error
  }
}

const old = (): Refused => new Refused('old', 'not later than the head before')
const unproven = (why: string): Refused => new Refused('unproven', why)
const forkedBefore = (): Refused => new Refused('fork', 'the log was changed; only a later epoch helps')
