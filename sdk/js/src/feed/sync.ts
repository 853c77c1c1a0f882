// Brings a follower up to date over HTTP, and keeps what it proved.

import { decode } from '../base64url.js'
import type { Clock } from '../clock.js'
import type { Bounds } from '../fetch.js'
import { address, get, SourceError } from '../fetch.js'
import { member, isObject } from '../json.js'
import type { FeedEvent } from './events.js'
import type { Moment, Need } from './follower.js'
import { Follower, Refused } from './follower.js'
import { Pins } from './head.js'
import type { Entry, Store } from './journal.js'
import { ENTRY, readJournal, replay, writeJournal } from './journal.js'
import type { Metadata } from './metadata.js'
import { fetchMetadata, readMetadata } from './metadata.js'
import { BLOCK, MOST_HEAD, MOST_PAGE, readPage } from './page.js'

/** Most documents fetched to become complete, after which the next time goes on. */
const MOST_STEPS = 300
/** Bytes of a rule in a snapshot at most, and of what stands before the rules. */
const SNAPSHOT_RULE = 20
const SNAPSHOT_FIXED = 100
/** Bytes of state at most; what comes after is had again from the network. */
const MOST_STATE = 8 * 1024 * 1024
/** Between two times that old rules are dropped and state is written, in milliseconds. */
const TIDY_EVERY = 30_000

/** What a sync needs to know. */
export interface SyncSettings {
  readonly issuer: string
  readonly bounds: Bounds
  readonly allowLoopback: boolean
  readonly clock: Clock
  /** Thumbprints of feed keys; empty: those of the metadata, when first had, are believed. */
  readonly pins: readonly string[]
  readonly relay: string | undefined
  readonly store: Store | undefined
  readonly mostRules: number
}

/** Follows one feed. */
export class Sync {
  readonly #settings: SyncSettings
  readonly #name: string
  #follower: Follower | undefined
  #metadata: Metadata | undefined
  #journal: Entry[] = []
  #size = 0
  #unsaved = false
  #tidied = Number.NEGATIVE_INFINITY
  /** What {@link lacking} saw missing last. */
  #lacked = ''

  constructor(settings: SyncSettings) {
    this.#settings = settings
    this.#name = `countersign-feed ${settings.issuer}`
  }

  /** The follower, once the feed's keys are known. */
  get follower(): Follower | undefined {
    return this.#follower
  }

  #now(): Moment {
    const { clock } = this.#settings
    return { wall: clock.now(), elapsed: clock.elapsed() }
  }

  /** Asks for what is newest, and for all that is missing. */
  async poll(): Promise<void> {
    const follower = await this.#ready()
    try {
      await this.#newest(follower)
    } catch (error) {
      if (!isUnknownKey(error) || !(await this.#repin(follower))) throw error
      await this.#newest(follower)
    }
    await this.complete()
  }

  /** With a position the tail of the log answers with the newest head as well. */
  async #newest(follower: Follower): Promise<void> {
    const { log_endpoint, head_endpoint } = await this.#endpoints()
    const { position } = follower
    if (position === undefined) return this.#head(follower, await this.#text(head_endpoint))
    await this.#page(follower, await this.#get(tail(log_endpoint, position.epoch, position.seq), MOST_PAGE))
  }

  /** Fetches what the follower needs until it is complete. */
  async complete(): Promise<void> {
    const follower = await this.#ready()
    for (let step = 0; step < MOST_STEPS; step++) {
      const need = follower.need()
      if (need.kind === 'nothing' || need.kind === 'head') break
      const before = needed(need)
      await this.#fetchNeed(follower, need)
      // The answer held nothing new: what is needed is not there.
      if (needed(follower.need()) === before) follower.gone()
    }
    await this.#tidy(follower)
  }

  /** Drops rules that are over and writes what is proven, now and then. */
  async #tidy(follower: Follower): Promise<void> {
    const { clock } = this.#settings
    if (clock.elapsed() - this.#tidied < TIDY_EVERY) return
    this.#tidied = clock.elapsed()
    follower.expire(clock.now())
    await this.#save()
  }

  async #fetchNeed(follower: Follower, need: Exclude<Need, { kind: 'nothing' | 'head' }>): Promise<void> {
    const { log_endpoint, snapshot_endpoint } = await this.#endpoints()
    if (need.kind === 'snapshot') {
      const most = SNAPSHOT_FIXED + SNAPSHOT_RULE * this.#settings.mostRules
      const bytes = await this.#ifThere(`${snapshot_endpoint}/${need.epoch}/${need.snap.seq}`, most)
      if (bytes === undefined) return
      await follower.snapshot(bytes)
      this.#keep({ kind: ENTRY.snapshot, bytes })
      return
    }
    // Full blocks never change: whoever stands between may keep them.
    const whole = need.after % BLOCK === 0
    const block = whole ? await this.#ifThere(`${log_endpoint}/${need.epoch}/${need.after / BLOCK}`, MOST_PAGE) : undefined
    const page = block ?? (await this.#ifThere(tail(log_endpoint, need.epoch, need.after), MOST_PAGE))
    if (page !== undefined) await this.#page(follower, page)
  }

  /** A document, unless there is none, or none any more. */
  async #ifThere(url: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      return await this.#get(url, maxBytes)
    } catch (error) {
      if (error instanceof SourceError && (error.status === 404 || error.status === 410)) return undefined
      throw error
    }
  }

  /** Takes an event of the stream. Answers whether keys should be fetched. */
  async take(event: FeedEvent, hints: boolean): Promise<boolean> {
    const follower = await this.#ready()
    if (event.type === 'jwks') return true
    if (event.type === 'head') {
      await this.#head(follower, event.data)
      if (this.#lacking(follower)) await this.complete()
      else await this.#tidy(follower)
      return false
    }
    const bytes = decode(event.data)
    if (bytes === undefined) throw new SourceError('format', 'an event that is not base64url')
    if (event.type === 'rules') await this.#page(follower, bytes)
    else if (hints) follower.hint(readPage(bytes))
    return false
  }

  /** A head may come before its rules; the second time in a row nobody is sending them. */
  #lacking(follower: Follower): boolean {
    const need = follower.need()
    const lacks = need.kind === 'log' || need.kind === 'snapshot' ? needed(need) : ''
    const again = lacks !== '' && (lacks === this.#lacked || follower.view.proven === undefined)
    this.#lacked = lacks
    return again
  }

  async #head(follower: Follower, jws: string): Promise<void> {
    await ignoringOld(follower.head(jws, this.#now()))
    this.#keep({ kind: ENTRY.head, bytes: new TextEncoder().encode(jws) })
  }

  async #page(follower: Follower, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const page = readPage(bytes)
    // Without rules it says where the log is now, which may be beyond a gap: the head tells what to do about that.
    if (page.rules.length === 0) return page.head === undefined ? undefined : this.#head(follower, page.head)
    await ignoringOld(follower.page(page, this.#now()))
    this.#keep({ kind: ENTRY.page, bytes })
  }

  /** Of heads without anything between them the last one says all; it alone is not worth a write. */
  #keep(entry: Entry): void {
    if (this.#settings.store === undefined || this.#size + entry.bytes.length > MOST_STATE) return
    const last = this.#journal.at(-1)
    if (entry.kind === ENTRY.head && last?.kind === ENTRY.head) {
      this.#journal.pop()
      this.#size -= last.bytes.length
    } else {
      this.#unsaved = true
    }
    this.#journal.push(entry)
    this.#size += entry.bytes.length
  }

  /** State that cannot be kept costs the next start time, never a decision. */
  async #save(): Promise<void> {
    const { store } = this.#settings
    if (store === undefined || !this.#unsaved || this.#metadata === undefined) return
    this.#unsaved = false
    const entries = [{ kind: ENTRY.metadata, bytes: this.#metadata.document }, ...this.#journal]
    await store.put(this.#name, writeJournal(entries)).catch(() => undefined)
  }

  async #ready(): Promise<Follower> {
    if (this.#follower !== undefined) return this.#follower
    const kept = await this.#kept()
    const metadata = await this.#metadataOr(kept)
    const trusted = metadata.keys.filter((key) => this.#settings.pins.length === 0 || this.#isPinned(kidOf(key)))
    const pins = await Pins.of(this.#settings.issuer, trusted)
    if (pins.isEmpty) throw new SourceError('metadata', 'the feed has no key that may be believed')
    const follower = new Follower(pins, this.#settings.mostRules)
    this.#journal = await replay(follower, kept.filter(({ kind }) => kind !== ENTRY.metadata), this.#now())
    this.#size = this.#journal.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.#metadata = metadata
    this.#follower = follower
    return follower
  }

  async #kept(): Promise<Entry[]> {
    const state = await this.#settings.store?.get(this.#name).catch(() => undefined)
    return state ? readJournal(new Uint8Array(state)) : []
  }

  /** From the issuer. While it is down, kept metadata will do where keys were pinned: whoever writes the state must not choose the keys. */
  async #metadataOr(kept: readonly Entry[]): Promise<Metadata> {
    const { bounds, issuer, allowLoopback, relay, pins } = this.#settings
    try {
      return await fetchMetadata(bounds, issuer, allowLoopback, relay)
    } catch (error) {
      const old = kept.find(({ kind }) => kind === ENTRY.metadata)
      if (old === undefined || pins.length === 0) throw error
      return readMetadata(old.bytes, issuer, allowLoopback, relay)
    }
  }

  #isPinned(kid: string): boolean {
    return this.#settings.pins.includes(kid)
  }

  /** Another key signs: believed if a head announced it. */
  async #repin(follower: Follower): Promise<boolean> {
    const { bounds, issuer, allowLoopback, relay } = this.#settings
    const metadata = await fetchMetadata(bounds, issuer, allowLoopback, relay)
    const allowed = metadata.keys.filter((key) => follower.mayPin(kidOf(key)))
    if (allowed.length === 0) return false
    follower.pin(await Pins.of(issuer, allowed))
    this.#metadata = metadata
    this.#unsaved = true
    return true
  }

  /** Where the stream goes on, and whether the issuer itself is at the other end. */
  async stream(): Promise<{ readonly url: string; readonly direct: boolean }> {
    const follower = await this.#ready()
    const { stream_endpoint } = await this.#endpoints()
    const url = new URL(stream_endpoint)
    const { position } = follower
    if (position !== undefined) url.searchParams.set('from', `${position.epoch}.${position.seq}`)
    return { url: url.href, direct: url.origin === new URL(this.#settings.issuer).origin }
  }

  async #endpoints(): Promise<Metadata['endpoints']> {
    await this.#ready()
    if (this.#metadata === undefined) throw new SourceError('metadata', 'no feed metadata')
    return this.#metadata.endpoints
  }

  async #text(url: string): Promise<string> {
    return new TextDecoder().decode(await this.#get(url, MOST_HEAD))
  }

  #get(url: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { bounds, allowLoopback } = this.#settings
    return get({ ...bounds, maxBytes }, address(url, allowLoopback).href, {})
  }
}

function needed(need: Need): string {
  return JSON.stringify([need.kind, 'epoch' in need && need.epoch, 'after' in need && need.after, 'snap' in need && need.snap.seq])
}

function tail(endpoint: string, epoch: number, from: number): string {
  const url = new URL(endpoint)
  url.searchParams.set('epoch', String(epoch))
  url.searchParams.set('from', String(from))
  return url.href
}

/** The head that is here already is no trouble. */
async function ignoringOld(taking: Promise<void>): Promise<void> {
  await taking.catch((error: unknown) => {
    if (!(error instanceof Refused && error.code === 'old')) throw error
  })
}

/** Whether a head was signed by a key that is not pinned. */
export function isUnknownKey(error: unknown): boolean {
  return error instanceof Refused && error.code === 'head' && error.inner === 'unknown_key'
}

function kidOf(key: unknown): string {
  const kid = isObject(key) ? member(key, 'kid') : undefined
  return typeof kid === 'string' ? kid : ''
}
