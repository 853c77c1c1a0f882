// The revocation feed as requests see it: what is known, and how old that is.

import type { Clock } from '../clock.js'
import { Flight, within } from '../flight.js'
import type { Source } from '../source.js'
import type { Kind } from './rule.js'
import { follow } from './stream.js'
import type { SyncSettings } from './sync.js'
import { Sync } from './sync.js'
import type { NamesUnder } from './view.js'

/** The bound while the issuer has recommended none, in seconds. */
const HARD = 60
/** While knowledge is too old for a route, or there is none, the feed is asked again after this long, milliseconds. */
const RETRY = 1000
/** A feed that failed last must not slow every request: the longest wait for its next answer, in milliseconds. */
const FAILING_WAIT = 500

/** How the feed is followed. */
export interface FeedSettings extends SyncSettings {
  /** `poll`: inside requests, at most every so often. `stream`: a connection that is held. */
  readonly mode: 'poll' | 'stream' | 'off'
  readonly pollEveryMs: number
  /** Without a feed nobody is let in. */
  readonly required: boolean
}

/** What keeps a runtime from stopping work after the answer: the context of a Worker's request. */
export interface Lifetime {
  waitUntil(work: Promise<unknown>): void
}

/** How far the feed is, for status pages. */
export interface FeedStatus {
  readonly followed: boolean
  /** How old the knowledge is, in milliseconds; infinite: nothing was ever proven. */
  readonly ageMs: number
  readonly epoch: number | undefined
  readonly seq: number | undefined
  readonly rules: number
  /** The log was changed under signed heads: nothing counts until a later epoch. */
  readonly forked: boolean
  /** What went wrong last. */
  readonly trouble: Error | undefined
}

/** The feed of one verifier. */
export class Feed {
  readonly #settings: FeedSettings
  readonly #clock: Clock
  readonly #sync: Sync
  readonly #source: Source
  readonly #polling: Flight
  readonly #stop = new AbortController()
  #followed: boolean | undefined
  #streaming = false
  #first: Promise<void> | undefined
  #proven: () => void = () => undefined
  #trouble: Error | undefined
  #jwks: string | undefined

  constructor(settings: FeedSettings, source: Source) {
    this.#settings = settings
    this.#clock = settings.clock
    this.#sync = new Sync(settings)
    this.#source = source
    this.#polling = new Flight(() => this.#poll(), settings.clock, settings.bounds.timeoutMs)
    if (settings.mode === 'off') this.#followed = false
    else if (settings.required) this.#followed = true
  }

  /**
   * Follows from now on, and waits for knowledge that is due, or older than the route allows (the issuer's bound if it
   * does not say): as long as for a document.
   */
  async ready(lifetime?: Lifetime, boundMs?: number): Promise<void> {
    if (this.#followed === undefined) {
      const metadata = this.#source.metadata()
      // Keys given by hand: nobody said that there is a feed.
      this.#followed = metadata !== undefined && Object.hasOwn(metadata, 'revocation_feed')
    }
    if (!this.#followed) return
    if (this.#settings.mode === 'stream') await this.#startStream()
    else await this.#pollIfDue(lifetime, boundMs ?? this.hardMs)
  }

  async #pollIfDue(lifetime: Lifetime | undefined, boundMs: number): Promise<void> {
    const { pollEveryMs, bounds } = this.#settings
    const tooOld = (this.age() ?? 0) > boundMs
    const running = this.#polling.begin(tooOld ? Math.min(pollEveryMs, RETRY) : pollEveryMs)
    if (running === undefined) return
    lifetime?.waitUntil(running.ended)
    const failing = this.#trouble !== undefined
    await this.#polling.wait(running, failing ? Math.min(FAILING_WAIT, bounds.timeoutMs) : bounds.timeoutMs)
  }

  async #poll(): Promise<void> {
    try {
      await this.#sync.poll()
      this.#progress(undefined)
    } catch (error) {
      this.#progress(error instanceof Error ? error : new Error('the feed cannot be followed'))
    }
  }

  /** Only the first attempt is waited for. */
  async #startStream(): Promise<void> {
    if (!this.#streaming) {
      this.#streaming = true
      this.#first = new Promise((done) => {
        this.#proven = done
      })
      const watch = { keysChanged: () => this.#refreshKeys(), progress: (error?: Error) => this.#progress(error) }
      void follow(this.#sync, this.#settings.bounds, watch, this.#stop.signal)
    }
    if (this.#first === undefined) return
    await within(this.#first, this.#settings.bounds.timeoutMs)
    this.#first = undefined
  }

  #progress(trouble: Error | undefined): void {
    this.#trouble = trouble
    this.#proven()
    const jwks = this.#sync.follower?.view.proven?.jwks
    // Another digest of the key set: it changed.
    if (jwks !== undefined && this.#jwks !== undefined && jwks !== this.#jwks) this.#refreshKeys()
    this.#jwks = jwks ?? this.#jwks
  }

  #refreshKeys(): void {
    // On failure the keys there are serve on; the next head says it again.
    void this.#source.refresh().catch(() => undefined)
  }

  /** Asks for the newest head now. */
  async refresh(): Promise<void> {
    const known = this.#polling.started
    for (;;) {
      const running = this.#polling.begin(0)
      if (running === undefined) continue
      await this.#polling.wait(running)
      if (running.number <= known) continue
      if (this.#trouble !== undefined) throw this.#trouble
      return
    }
  }

  /**
   * How old the knowledge of revocations is, in milliseconds; nothing if no feed is followed. By the clock that
   * says more: a machine that slept has its wall clock put right.
   */
  age(): number | undefined {
    if (this.#followed !== true) return undefined
    const view = this.#sync.follower?.view
    if (view?.proven === undefined) return Number.POSITIVE_INFINITY
    return Math.max(view.age(this.#clock.elapsed()), this.#clock.now() - view.proven.asOf)
  }

  /** The bound that the issuer recommends, in milliseconds. */
  get hardMs(): number {
    return (this.#sync.follower?.view.proven?.policy.hard ?? HARD) * 1000
  }

  /** The kind of the rule that covers a token, if any. */
  async covers(iat: number, namesUnder: NamesUnder): Promise<Kind | undefined> {
    return this.#followed === true ? this.#sync.follower?.view.covers(iat, namesUnder) : undefined
  }

  /** How far it is. */
  status(): FeedStatus {
    const follower = this.#sync.follower
    const proven = follower?.view.proven
    return {
      followed: this.#followed === true,
      ageMs: this.age() ?? Number.POSITIVE_INFINITY,
      epoch: proven?.epoch,
      seq: proven?.seq,
      rules: follower?.view.size ?? 0,
      forked: follower?.forked === true,
      trouble: this.#trouble,
    }
  }

  /** Ends the stream. Knowledge grows old from here on. */
  close(): void {
    this.#stop.abort()
  }
}
