// The issuer's keys, held ready.
//
// Owns when keys are fetched: on first use, in the background at 80 % of their age, once past it, when a token
// names an unknown key (at most once per cooldown), and when asked to. A failure never drops keys that were good.

import type { Clock } from './clock.js'
import { addressIn, discover, issuerUrl } from './discovery.js'
import type { Bounds } from './fetch.js'
import { get, SourceError } from './fetch.js'
import { Flight } from './flight.js'
import type { JsonObject } from './json.js'
import type { KeySet } from './key.js'
import { readKeySet } from './key.js'
import { KeyError } from './error.js'

/** While no keys were ever had, a failed fetch is tried again after this long, in milliseconds. */
const FIRST_KEYS_RETRY = 1000

/** No keys at all: nobody can be let in, and nobody can be told that their token is bad. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
  constructor(
    /** When another try makes sense, milliseconds. */
    readonly retryAfterMs: number,
    cause: Error | undefined,
  ) {
    super(`the issuer's keys cannot be had${cause === undefined ? '' : `: ${cause.message}`}`, { cause })
  }
}

/** Keys at one moment; `number` grows with each successful fetch. */
export interface Snapshot {
  readonly keys: KeySet
  readonly number: number
}

/** Where keys come from. */
export interface Source {
  /** Keys to verify with, fetched first where there are none or they are past their age. */
  current(): Promise<Snapshot>
  /** Keys newer than `seen`, after a token named a key that `seen` lacks; nothing if there are none. */
  newerThan(seen: Snapshot): Promise<Snapshot | undefined>
  /** The keys in force at this very moment, without fetching. */
  inForce(): Snapshot | undefined
  /** The issuer's metadata as last seen, if it was. */
  metadata(): JsonObject | undefined
  /** Fetches now. A fetch that began before this call is not taken for its answer. */
  refresh(): Promise<void>
}

/**
 * Keys given once, for verification without a network. Read on first use: Workers do nothing asynchronous before
 * the first request, and whoever comes meanwhile does not depend on that request.
 */
export function fixed(read: () => Promise<KeySet>): Source {
  let held: Snapshot | undefined
  const current = async (): Promise<Snapshot> => {
    if (held !== undefined) return held
    const keys = await read()
    return (held ??= { keys, number: 0 })
  }
  const nothing = async (): Promise<undefined> => undefined
  return { current, newerThan: nothing, inForce: () => held, metadata: () => undefined, refresh: nothing }
}

/** When keys are fetched. Milliseconds. */
export interface Limits extends Bounds {
  readonly maxAgeMs: number
  readonly cooldownMs: number
  readonly allowLoopback: boolean
}

/** The issuer's JWKS, found by discovery. */
export class Remote implements Source {
  readonly #issuer: string
  readonly #url: URL
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #flight: Flight
  #loaded: (Snapshot & { readonly at: number }) | undefined
  #failure: Error | undefined
  /** As last seen; asked again when keys could not be had, since they may have moved. */
  #metadata: JsonObject | undefined
  #moved = false

  constructor(issuer: string, limits: Limits, clock: Clock) {
    this.#issuer = issuer
    this.#url = issuerUrl(issuer, limits.allowLoopback)
    this.#limits = limits
    this.#clock = clock
    this.#flight = new Flight(() => this.#fetchAndKeep(), clock, limits.timeoutMs)
  }

  async current(): Promise<Snapshot> {
    const loaded = this.#loaded
    if (loaded === undefined) return this.#first()
    const { maxAgeMs, cooldownMs } = this.#limits
    const age = this.#clock.elapsed() - loaded.at
    if (age < maxAgeMs * 0.8) return loaded
    const failing = this.#failure !== undefined
    const running = this.#flight.begin(Math.min(cooldownMs, maxAgeMs / 5))
    // Past their age keys are fetched before they are used, but only while the issuer answers: one that is down
    // must not slow every request, so then the last good keys serve on.
    if (running !== undefined && age >= maxAgeMs && !failing) await this.#flight.wait(running)
    return this.#loaded ?? loaded
  }

  async #first(): Promise<Snapshot> {
    const running = this.#flight.begin(FIRST_KEYS_RETRY)
    if (running !== undefined) await this.#flight.wait(running)
    if (this.#loaded !== undefined) return this.#loaded
    throw new KeysUnavailable(Math.max(0, FIRST_KEYS_RETRY - this.#flight.since), this.#failure)
  }

  async newerThan(seen: Snapshot): Promise<Snapshot | undefined> {
    const newer = (): Snapshot | undefined => (this.#loaded && this.#loaded.number > seen.number ? this.#loaded : undefined)
    if (newer() !== undefined) return newer()
    const running = this.#flight.begin(this.#limits.cooldownMs)
    if (running === undefined) return undefined
    await this.#flight.wait(running)
    return newer()
  }

  inForce(): Snapshot | undefined {
    return this.#loaded
  }

  metadata(): JsonObject | undefined {
    return this.#metadata
  }

  async refresh(): Promise<void> {
    const known = this.#flight.started
    for (;;) {
      const running = this.#flight.begin(0)
      if (running === undefined) continue
      const ended = await this.#flight.wait(running)
      if (running.number <= known) continue
      if (!ended) throw new SourceError('timeout', 'the keys did not come in time')
      if (this.#failure !== undefined) throw this.#failure
      return
    }
  }

  async #fetchAndKeep(): Promise<void> {
    try {
      if (this.#metadata === undefined || this.#moved) {
        this.#metadata = await discover(this.#limits, this.#issuer, this.#url)
        this.#moved = false
      }
      const at = addressIn(this.#metadata, 'jwks_uri', this.#limits.allowLoopback)
      const { keys } = await readKeySet(await get(this.#limits, at))
      this.#loaded = { keys, number: (this.#loaded?.number ?? 0) + 1, at: this.#clock.elapsed() }
      this.#failure = undefined
    } catch (error) {
      this.#failure = error instanceof KeyError ? new SourceError('keys', `the keys are refused: ${error.message}`) : asError(error)
      this.#moved = true
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the keys cannot be had')
}
