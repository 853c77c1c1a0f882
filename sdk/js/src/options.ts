// What a verifier is built from, checked: a script that leaves out what TypeScript would not gets an error, never
// a verifier that lets more in.

import type { Algorithm } from './algorithm.js'
import { row } from './algorithm.js'
import type { Freshness } from './check.js'
import type { Clock } from './clock.js'
import { systemClock } from './clock.js'
import type { FeedSettings } from './feed/feed.js'
import type { Store } from './feed/journal.js'
import type { Bounds, Fetch } from './fetch.js'
import { address } from './fetch.js'
import type { Credentials } from './introspect.js'
import { KeySet, readKeySet, secretKey } from './key.js'
import type { Checked, Policy } from './policy.js'
import { checked } from './policy.js'
import type { Source } from './source.js'
import { fixed, Remote } from './source.js'

/** How revocations are learnt. */
export interface RevocationOptions extends Freshness {
  /**
   * `poll` (default): inside requests, at most every `pollEvery` seconds. Needs nothing that lives between requests.
   * `stream`: a connection that is held, for processes that live on; revocations arrive at once.
   * `off`: a revoked token works until it is over.
   */
  readonly mode?: 'poll' | 'stream' | 'off'
  /** Seconds between two polls, at least 0.1. Default 5. */
  readonly pollEvery?: number
  /** Lets nobody in while the issuer has no feed. Without this one that advertises none is taken to have none. */
  readonly required?: boolean
  /** Thumbprints (RFC 7638) of the feed keys believed at first. Default: those of the feed's metadata when first had. */
  readonly feedKeys?: readonly string[]
  /** Another place to get the feed from, untrusted: what it forges or holds back is found out. */
  readonly relay?: string
  /** Keeps what was proven beyond this process or isolate. */
  readonly store?: Store
  /** For `onStale: 'introspect'`. */
  readonly introspection?: Credentials
  /** Rules kept at most; beyond, nothing more is proven, and routes go stale. Default 1,000,000 (up to 48 MB). */
  readonly maxRules?: number
}

/** Settings of a verifier. Issuer, audience, type and algorithms have no default. */
export interface VerifierOptions extends Policy {
  /** The realm named in challenges. Default: the first audience. */
  readonly realm?: string
  /** Verifies with the keys of this JWKS document; nothing is fetched for keys. */
  readonly jwks?: { readonly keys: readonly object[] } | string
  /** Verifies with a secret shared with the issuer; nothing is fetched for keys. */
  readonly secret?: { readonly algorithm: Algorithm; readonly value: Uint8Array; readonly kid?: string }
  /** How revocations are learnt. */
  readonly revocation?: RevocationOptions
  /** How many verified tokens are remembered; 0 turns the cache off. Default 1,000. */
  readonly cacheCapacity?: number
  /** Allows plain HTTP to `localhost`, names under it and loopback addresses: development and tests. */
  readonly allowHttpOnLoopback?: boolean
  /** How old keys may get, in seconds; renewed in the background from 80 % of it on. Default 600. */
  readonly maxKeyAge?: number
  /** The least time between two fetches that strangers can cause by naming unknown keys, in seconds. Default 30. */
  readonly cooldown?: number
  /** The longest wait for one document, in seconds. Default 5. */
  readonly timeout?: number
  /** The largest document read, in bytes. Default 512 KiB. */
  readonly maxDocumentBytes?: number
  /** Another way to get documents. Default: the global `fetch`. */
  readonly fetch?: Fetch
  /** Another clock. */
  readonly clock?: Clock
}

/** What holds. */
export interface Settings {
  readonly policy: Checked
  readonly realm: string
  readonly clock: Clock
  readonly bounds: Bounds
  readonly source: Source
  readonly feed: FeedSettings
  readonly freshness: Freshness
  readonly introspection: Credentials | undefined
  readonly cacheCapacity: number
}

/** How far ahead `nbf` and `iat` may lie in any case: clocks kept by NTP differ by milliseconds. */
const CLOCKS_DIFFER_MS = 2_000

/** Checks options and fills in defaults. */
export function settled(options: VerifierOptions): Settings {
  // As the Rust verifier: a clock a little ahead is no attack.
  const policy = { ...checked(options), earlyMs: CLOCKS_DIFFER_MS }
  const clock = options.clock ?? systemClock()
  const bounds: Bounds = {
    // Called as a plain function: some runtimes refuse it as a method of anything else.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timeoutMs: 1000 * number('timeout', options.timeout, 5, 0.001, 120),
    maxBytes: number('maxDocumentBytes', options.maxDocumentBytes, 512 * 1024, 1, 1 << 20),
  }
  const { revocation = {} } = options
  return {
    policy,
    realm: options.realm ?? policy.audience[0] ?? '',
    clock,
    bounds,
    source: source(options, policy, bounds, clock),
    feed: feed(options, revocation, bounds, clock),
    freshness: freshness(revocation),
    introspection: revocation.introspection,
    cacheCapacity: number('cacheCapacity', options.cacheCapacity, 1000, 0, 1 << 24),
  }
}

function source(options: VerifierOptions, policy: Checked, bounds: Bounds, clock: Clock): Source {
  const { jwks, secret } = options
  if (jwks !== undefined && secret !== undefined) throw new TypeError('either a key set or a secret')
  if (secret !== undefined) {
    const chosen = row(secret.algorithm)
    if (chosen?.kty !== 'oct') throw new TypeError('a secret is for HS256, HS384 or HS512')
    return fixed(async () => new KeySet([await secretKey(chosen, secret.kid, secret.value)]))
  }
  if (policy.algorithms.some((name) => row(name)?.kty === 'oct')) {
    throw new TypeError('HS256, HS384 and HS512 need a secret: keys that are published have none')
  }
  if (jwks !== undefined) {
    const document = typeof jwks === 'string' ? jwks : JSON.stringify(jwks)
    return fixed(async () => (await readKeySet(document)).keys)
  }
  const limits = {
    ...bounds,
    allowLoopback: options.allowHttpOnLoopback === true,
    maxAgeMs: 1000 * number('maxKeyAge', options.maxKeyAge, 600, 1, 86_400),
    cooldownMs: 1000 * number('cooldown', options.cooldown, 30, 0, 86_400),
  }
  return new Remote(policy.issuer, limits, clock)
}

function feed(options: VerifierOptions, revocation: RevocationOptions, bounds: Bounds, clock: Clock): FeedSettings {
  const { mode = 'poll', relay, feedKeys: pins = [] } = revocation
  if (!['poll', 'stream', 'off'].includes(mode)) throw new TypeError(`revocation.mode is poll, stream or off, not ${String(mode)}`)
  if (mode === 'off' && revocation.required === true) throw new TypeError('a feed that is off cannot be required')
  if (!Array.isArray(pins) || !pins.every((pin) => typeof pin === 'string')) {
    throw new TypeError('revocation.feedKeys is a list of thumbprints')
  }
  const allowLoopback = options.allowHttpOnLoopback === true
  return {
    issuer: options.issuer,
    mode,
    pollEveryMs: 1000 * number('revocation.pollEvery', revocation.pollEvery, 5, 0.1, 3600),
    required: revocation.required === true,
    pins,
    relay: relay === undefined ? undefined : address(relay, allowLoopback).href,
    store: revocation.store,
    mostRules: number('revocation.maxRules', revocation.maxRules, 1_000_000, 1, 1 << 24),
    bounds,
    allowLoopback,
    clock,
  }
}

function freshness({ onStale = 'closed', maxStaleness, introspection }: RevocationOptions): Freshness {
  const known = onStale === 'closed' || onStale === 'introspect' || typeof onStale.openForTokensYoungerThan === 'number'
  if (!known) throw new TypeError('revocation.onStale is closed, introspect or { openForTokensYoungerThan }')
  if (onStale === 'introspect' && introspection === undefined) throw new TypeError('introspection needs credentials')
  if (maxStaleness === undefined) return { onStale }
  return { onStale, maxStaleness: number('revocation.maxStaleness', maxStaleness, 60, 0, 86_400) }
}

function number(name: string, value: unknown, otherwise: number, least: number, most: number): number {
  if (value === undefined) return otherwise
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new RangeError(`${name} is a number from ${least} to ${most}`)
}
