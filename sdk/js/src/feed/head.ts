// The signed head: "these are all rules of this epoch, as of this moment".

import { row } from '../algorithm.js'
import { decode, encode } from '../base64url.js'
import { KeyError, VerifyError } from '../error.js'
import type { Json, JsonObject } from '../json.js'
import { isObject, member } from '../json.js'
import { KeySet, publicKey } from '../key.js'
import type { Checked } from '../policy.js'
import { sha256 } from '../sha256.js'
import { verifyToken } from '../token.js'
import type { Chain } from './chain.js'
import { CHAIN_BYTES } from './chain.js'
import { FEED_BYTES } from './snapshot.js'

/** How far a head's `as_of` may be ahead of the wall clock, and how long after its `exp` it counts, milliseconds. */
export const SKEW = 5000
/** Bytes of a salt. */
const SALT_BYTES = 16

/** How old knowledge of revocations may get, in seconds. */
export interface Staleness {
  /** Beyond this: an alarm. */
  readonly soft: number
  /** Beyond this: the rule of the route. */
  readonly hard: number
}

/** A snapshot, named by its content. */
export interface SnapRef {
  /** It covers the first so many rules. */
  readonly seq: number
  readonly url: string
  readonly sha256: Chain
}

/** What a head says. */
export interface Head {
  readonly feed: Uint8Array<ArrayBuffer>
  readonly epoch: number
  /** Rules in the log of this epoch. */
  readonly seq: number
  /** Milliseconds since 1970: every revocation acknowledged before is among the first `seq` rules. */
  readonly asOf: number
  /** The chain over those rules. */
  readonly chain: Chain
  readonly snap: SnapRef | undefined
  readonly salt: Uint8Array<ArrayBuffer>
  /** Heads come this often, in milliseconds. */
  readonly heartbeatMs: number
  /** What the issuer recommends. */
  readonly policy: Staleness
  /** SHA-256 of the JWKS document as served now, base64url: another value means fetch the keys. */
  readonly jwks: string | undefined
  /** Thumbprint of the feed key to come. */
  readonly nextKey: string | undefined
}

/** The feed keys believed, for one issuer. */
export class Pins {
  readonly #keys: KeySet
  readonly #policy: Checked

  private constructor(issuer: string, keys: KeySet) {
    this.#keys = keys
    this.#policy = {
      issuer, audience: [`${issuer}/rev`], type: 'revhead+jwt', algorithms: ['Ed25519'], leewayMs: SKEW, earlyMs: 0,
      judgeExpiry: true,
    }
  }

  /**
   * Pins these JWKs of the metadata. Feed keys sign with Ed25519; others are left out, and so are keys whose id is not
   * their thumbprint: a known id must not stand for another key.
   */
  static async of(issuer: string, jwks: readonly Json[]): Promise<Pins> {
    const read = jwks.map(async (jwk) => {
      try {
        return (await isNamedByThumbprint(jwk)) ? [await publicKey(jwk, row('Ed25519'))] : []
      } catch (error) {
        if (error instanceof KeyError) return []
        throw error
      }
    })
    const keys = (await Promise.all(read)).flat().filter((key) => key.row.name === 'Ed25519')
    return new Pins(issuer, new KeySet(keys))
  }

  /** Whether a key of that id is pinned. */
  has(kid: string): boolean {
    return this.#keys.get(kid) !== undefined
  }

  /** No key at all. */
  get isEmpty(): boolean {
    return this.#keys.keys.length === 0
  }

  /** Reads a head. One that was kept may have passed its `exp`: its rules count, its age shows. */
  async read(jws: string, now: number, kept: boolean): Promise<Head> {
    const { claims } = await verifyToken(jws, this.#keys, { ...this.#policy, judgeExpiry: !kept }, now)
    return readHead(claims)
  }
}

/** RFC 7638, RFC 8037 2, for Ed25519 keys: the only ones that sign feeds. */
async function isNamedByThumbprint(key: Json): Promise<boolean> {
  if (!isObject(key) || member(key, 'kty') !== 'OKP') return false
  const [crv, x] = [member(key, 'crv'), member(key, 'x')]
  if (typeof crv !== 'string' || typeof x !== 'string') return false
  const text = JSON.stringify({ crv, kty: 'OKP', x })
  return member(key, 'kid') === encode(await sha256(new TextEncoder().encode(text)))
}

function readHead(claims: JsonObject): Head {
  if (typeof member(claims, 'aud') !== 'string') throw malformed('aud')
  if (!Number.isInteger(member(claims, 'exp'))) throw malformed('exp')
  const [snap, policy] = [member(claims, 'snap'), object(claims, 'policy')]
  return {
    feed: bytes(claims, 'feed', FEED_BYTES),
    epoch: count(claims, 'epoch'),
    seq: count(claims, 'seq'),
    asOf: integer(claims, 'as_of'),
    chain: bytes(claims, 'chain', CHAIN_BYTES),
    snap: snap === undefined || snap === null ? undefined : readSnap(object(claims, 'snap')),
    salt: bytes(claims, 'salt', SALT_BYTES),
    heartbeatMs: count(claims, 'hb_ms'),
    policy: { soft: count(policy, 'soft'), hard: count(policy, 'hard') },
    jwks: optionalText(claims, 'jwks'),
    nextKey: optionalText(claims, 'next_key'),
  }
}

function readSnap(snap: JsonObject): SnapRef {
  return { seq: count(snap, 'seq'), url: text(snap, 'url'), sha256: bytes(snap, 'sha256', CHAIN_BYTES) }
}

function malformed(name: string): VerifyError {
  return new VerifyError('malformed', undefined, `claims: ${name} is not what it should be`)
}

function due(from: JsonObject, name: string): Json {
  const value = member(from, name)
  if (value === undefined) throw new VerifyError('missing_claim', name, 'the claim is absent')
  return value
}

function object(from: JsonObject, name: string): JsonObject {
  const value = due(from, name)
  if (isObject(value)) return value
  throw malformed(name)
}

function text(from: JsonObject, name: string): string {
  const value = due(from, name)
  if (typeof value === 'string') return value
  throw malformed(name)
}

function optionalText(from: JsonObject, name: string): string | undefined {
  const value = member(from, name)
  return value === undefined || value === null ? undefined : text(from, name)
}

function integer(from: JsonObject, name: string): number {
  const value = due(from, name)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw malformed(name)
}

function count(from: JsonObject, name: string): number {
  const value = integer(from, name)
  if (value >= 0) return value
  throw malformed(name)
}

function bytes(from: JsonObject, name: string, length: number): Uint8Array<ArrayBuffer> {
  const value = decode(text(from, name))
  if (value?.length === length) return value
  throw malformed(name)
}
