// The verifier a service holds, and the checks of one token in the order that decides:
//
// 1. Signature and everything the token says of itself, then `exp`, `nbf`, `iat` at the moment of the request.
// 2. Staleness: how old the knowledge of revocations is, against the bound of the route.
// 3. Key live: the key that verified is still among the issuer's keys.
// 4. Rules: revocations by issuer, key, client, subject, session and token, each of which can only refuse.
// 5. A token bound to a key (`cnf`) is refused: no proofs are checked here.
// 6. What the route asks for: scopes, roles, how and when the person signed in.
//
// The cache of verified tokens answers for step 1's signature and static claims only.

import { bearer } from './bearer.js'
import type { RequestLike } from './bearer.js'
import type { Entry } from './cache.js'
import { Cache } from './cache.js'
import type { Requirement } from './check.js'
import { freshness, lacks } from './check.js'
import { VerifyError } from './error.js'
import type { FeedStatus, Lifetime } from './feed/feed.js'
import { Feed } from './feed/feed.js'
import { Names } from './feed/rule.js'
import { Identity } from './identity.js'
import { Introspection } from './introspect.js'
import { accessToken, judgeTimes } from './judge.js'
import type { JsonObject } from './json.js'
import type { Settings, VerifierOptions } from './options.js'
import { settled } from './options.js'
import type { Reason } from './refusal.js'
import { Refusal } from './refusal.js'
import type { Snapshot, Source } from './source.js'
import { KeysUnavailable } from './source.js'
import { verifyToken } from './token.js'

/** When a client that met a stale verifier may come again, in milliseconds. */
const STALE_RETRY = 2000

/** A handler of requests that were let in. The third argument is what the runtime gave beside the request. */
export type Handler<Rest extends readonly unknown[]> = (
  request: Request, identity: Identity, ...rest: Rest
) => Response | Promise<Response>

/** Verifies access tokens of one issuer for one service. */
export class Verifier {
  readonly #settings: Settings
  readonly #source: Source
  readonly #feed: Feed
  readonly #cache: Cache
  readonly #introspection: Introspection | undefined

  /** Throws `TypeError` or `RangeError` where an option is missing or wrong. Nothing is fetched yet. */
  constructor(options: VerifierOptions) {
    this.#settings = settled(options)
    const { source, feed, cacheCapacity, introspection, bounds } = this.#settings
    this.#source = source
    this.#feed = new Feed(feed, source)
    this.#cache = new Cache(cacheCapacity)
    this.#introspection = introspection && new Introspection(introspection, bounds, feed.allowLoopback)
  }

  /** The realm named in challenges. */
  get realm(): string {
    return this.#settings.realm
  }

  /**
   * Verifies a token and holds it against what a route asks for. Throws {@link Refusal}.
   * `lifetime`: the context of a Worker's request, so that what others wait for too does not end with it.
   */
  async verify(token: string, due: Requirement = {}, lifetime?: Lifetime): Promise<Identity> {
    try {
      const identity = await this.#token(token, due, lifetime)
      const reason = lacks(identity, due, this.#settings.clock.now(), this.#settings.policy.leewayMs)
      if (reason !== undefined) throw this.#refusal(reason)
      return identity
    } catch (error) {
      if (error instanceof VerifyError) throw this.#refusal({ kind: 'invalid_token', error })
      if (error instanceof KeysUnavailable) throw this.#refusal({ kind: 'keys_unavailable', error })
      throw error
    }
  }

  /**
   * Verifies the bearer token of a request (RFC 6750 2.1: the `Authorization` header, and only that). Throws
   * {@link Refusal}, which knows its answer: `refusal.response()`.
   */
  async verifyRequest(request: RequestLike, due: Requirement = {}, lifetime?: Lifetime): Promise<Identity> {
    const token = bearer(request)
    if (typeof token !== 'string') throw this.#refusal(token)
    return this.verify(token, due, lifetime)
  }

  /**
   * A handler that runs only for requests that were let in, and answers the others itself. Fits `export default {
   * fetch }` of Workers as it is: a last argument with `waitUntil` is taken as the context.
   */
  protect<Rest extends readonly unknown[]>(
    handler: Handler<Rest>, due: Requirement = {},
  ): (request: Request, ...rest: Rest) => Promise<Response> {
    return async (request, ...rest) => {
      let identity: Identity
      try {
        identity = await this.verifyRequest(request, due, lifetimeIn(rest))
      } catch (error) {
        if (error instanceof Refusal) return error.response()
        throw error
      }
      return handler(request, identity, ...rest)
    }
  }

  /** Makes sure that there are keys, and knowledge of revocations where a feed is followed. For start-up checks. */
  async ready(): Promise<FeedStatus> {
    await this.#source.current()
    await this.#feed.ready()
    return this.#feed.status()
  }

  /** Fetches the keys now: a key the issuer withdrew is refused from then on. */
  refreshKeys(): Promise<void> {
    return this.#source.refresh()
  }

  /** Asks for the newest head of the feed now: for scheduled events and warm-up calls. */
  async refreshFeed(): Promise<FeedStatus> {
    await this.#source.current()
    await this.#feed.ready()
    await this.#feed.refresh()
    return this.#feed.status()
  }

  /** How far the feed is. */
  feedStatus(): FeedStatus {
    return this.#feed.status()
  }

  /** Ends the stream, so that a process can end. */
  close(): void {
    this.#feed.close()
  }

  #refusal(reason: Reason): Refusal {
    return new Refusal(reason, this.#settings.realm)
  }

  /** Steps 1 to 5. */
  async #token(token: string, due: Requirement, lifetime: Lifetime | undefined): Promise<Identity> {
    const keys = await this.#source.current()
    const { maxStaleness } = freshness(due, this.#settings.freshness)
    await this.#feed.ready(lifetime, maxStaleness === undefined ? undefined : maxStaleness * 1000)
    const entry = await this.#signed(token, keys)
    const { identity } = entry
    const ask = this.#mustAsk(identity, due)
    this.#keyLive(entry)
    const by = await this.#feed.covers(identity.claims.iat, (salt) => names(entry, salt))
    if (by !== undefined) throw this.#refusal({ kind: 'revoked', by })
    if (ask) await this.#ask(token)
    if (Object.hasOwn(identity.claims, 'cnf')) {
      throw new VerifyError('proof_required', 'cnf', 'the token is bound to a key, and no proof is checked here')
    }
    return identity
  }

  /** Step 1. */
  async #signed(token: string, keys: Snapshot): Promise<Entry> {
    const { policy, clock } = this.#settings
    const known = typeof token === 'string' ? this.#cache.get(token, keys.number) : undefined
    if (known !== undefined) {
      judgeTimes(known.identity.claims as JsonObject, policy, clock.now())
      return known
    }
    const judge = async (snapshot: Snapshot): Promise<Entry> => {
      const { claims, key } = await verifyToken(String(token), snapshot.keys, policy, clock.now())
      return { generation: snapshot.number, identity: new Identity(accessToken(claims), key.kid), names: new WeakMap() }
    }
    const entry = await this.#withNewerKeys(keys, judge)
    this.#cache.keep(token, entry)
    return entry
  }

  /** A key that is not known may be new. */
  async #withNewerKeys<T>(keys: Snapshot, judge: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    try {
      return await judge(keys)
    } catch (error) {
      if (!(error instanceof VerifyError && error.code === 'unknown_key')) throw error
      const newer = await this.#source.newerThan(keys)
      if (newer === undefined) throw error
      return judge(newer)
    }
  }

  /** Step 2. Whether the issuer is to be asked. */
  #mustAsk(identity: Identity, due: Requirement): boolean {
    const age = this.#feed.age()
    const { onStale = 'closed', maxStaleness } = freshness(due, this.#settings.freshness)
    if (age === undefined || age <= (maxStaleness === undefined ? this.#feed.hardMs : maxStaleness * 1000)) return false
    if (onStale === 'introspect') return true
    const issued = Math.floor(identity.claims.iat) * 1000
    const young = onStale !== 'closed' && this.#settings.clock.now() < issued + onStale.openForTokensYoungerThan * 1000
    if (young) return false
    throw this.#refusal({ kind: 'stale', retryAfterMs: STALE_RETRY, ageMs: age })
  }

  async #ask(token: string): Promise<void> {
    const active = await this.#introspection?.active(token, this.#source.metadata())
    if (active === true) return
    throw this.#refusal(
      active === false
        ? { kind: 'revoked', by: 'introspection' }
        : { kind: 'stale', retryAfterMs: STALE_RETRY, ageMs: this.#feed.age() ?? Number.POSITIVE_INFINITY },
    )
  }

  /** Step 3: a fetch may have ended while the token was being judged. */
  #keyLive({ generation, identity: { kid } }: Entry): void {
    const now = this.#source.inForce()
    if (kid === undefined || now?.number === generation || now?.keys.get(kid) !== undefined) return
    throw new VerifyError('unknown_key', 'kid', 'the key was withdrawn by the issuer')
  }
}

/** A token's names under a salt, made once. */
function names({ identity: { claims, kid }, names }: Entry, salt: Uint8Array): Names {
  const known = names.get(salt)
  if (known !== undefined) return known
  const { iss, sub, sid, jti, client_id: clientId } = claims
  const made = new Names(salt, { iss, kid, clientId, sub, sid, jti })
  names.set(salt, made)
  return made
}

function lifetimeIn(rest: readonly unknown[]): Lifetime | undefined {
  const last = rest.at(-1)
  return typeof last === 'object' && last !== null && 'waitUntil' in last ? (last as Lifetime) : undefined
}
