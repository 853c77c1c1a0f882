// Keys, parsed once. A key has exactly one algorithm; a token's header only selects a key.

import type { Row } from './algorithm.js'
import { fits, fitting, isNamed, row } from './algorithm.js'
import { decode, encode } from './base64url.js'
import { KeyError, shown } from './error.js'
import type { Json, JsonObject } from './json.js'
import { isObject, JsonError, member, parse } from './json.js'
import { sha256 } from './sha256.js'

type Bytes = Uint8Array<ArrayBuffer>

/** Bytes of a JWKS document at most. */
const MAX_DOCUMENT = 1 << 20
/** Bits of a modulus: below, factoring is within reach (RFC 7518 3.3); above, checking keeps a server busy. */
const RSA_BITS = { least: 2048, most: 8192 }
/** Bytes of a kid of our own making, from a digest. */
const SECRET_KID_BYTES = 16
/** Members that only a private or shared key has (RFC 7518 6.2.2, 6.3.2, 6.4). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** A public key or HMAC secret that verifies under exactly one algorithm. */
export interface VerifyingKey {
  readonly kid: string | undefined
  readonly row: Row
  /** Whether it is that key's signature of the message, of the exact length. */
  verify(message: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Promise<boolean>
}

/** Why no key was chosen. */
export type NoKey = 'unknown' | 'ambiguous'

/** Keys to choose from by the header's `kid`. Of two keys with one `kid` the first is kept. */
export class KeySet {
  readonly keys: readonly VerifyingKey[]

  constructor(keys: readonly VerifyingKey[]) {
    this.keys = keys.filter((key, at) => key.kid === undefined || keys.findIndex((k) => k.kid === key.kid) === at)
  }

  /** The key of that id. */
  get(kid: string): VerifyingKey | undefined {
    return this.keys.find((key) => key.kid === kid)
  }

  /** The key a header selects. Without a `kid` exactly one key must fit the algorithm it names. */
  choose(kid: string | undefined, alg: string): VerifyingKey | NoKey {
    if (kid !== undefined) return this.get(kid) ?? 'unknown'
    const [first, second] = this.keys.filter((key) => isNamed(key.row, alg))
    if (first === undefined) return 'unknown'
    return second === undefined ? first : 'ambiguous'
  }
}

/**
 * From a JWKS document. Keys that cannot be used (encryption, unknown type, weak) are left out; a duplicate
 * `kid` or a private or symmetric key refuses the document. An RSA key that names no algorithm is read as RS256,
 * the default of OpenID Connect.
 */
export async function readKeySet(document: Uint8Array | string): Promise<{ keys: KeySet; leftOut: KeyError[] }> {
  const entries = readEntries(document)
  const keys: VerifyingKey[] = []
  const leftOut: KeyError[] = []
  for (const entry of entries) {
    try {
      keys.push(await publicKey(entry))
    } catch (error) {
      if (!(error instanceof KeyError)) throw error
      leftOut.push(error)
    }
  }
  return { keys: new KeySet(keys), leftOut }
}

function readEntries(document: Uint8Array | string): readonly Json[] {
  if (document.length > MAX_DOCUMENT) throw new KeyError('too_large', `a key set of over ${MAX_DOCUMENT} bytes`)
  let set: Json
  try {
    set = parse(document)
  } catch (error) {
    throw error instanceof JsonError ? new KeyError('malformed', error.message) : error
  }
  const entries = isObject(set) ? member(set, 'keys') : undefined
  if (!Array.isArray(entries)) throw new KeyError('malformed', 'no array named keys')
  const kids = new Set<string>()
  for (const entry of entries as readonly Json[]) {
    if (!isObject(entry)) continue
    checkPublic(entry)
    const kid = member(entry, 'kid')
    if (typeof kid !== 'string') continue
    if (kids.has(kid)) throw new KeyError('duplicate_kid', shown(kid, 48))
    kids.add(kid)
  }
  return entries
}

/** Somebody published a secret: nothing else in that document can be trusted either. */
function checkPublic(entry: JsonObject): void {
  if (member(entry, 'kty') === 'oct') throw new KeyError('symmetric_key', 'a secret in a public key set')
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(entry, name))) {
    throw new KeyError('private_key', 'private members in a public key set')
  }
}

/** A public key out of a JWK, whose own `alg` wins over `fallback`. */
export async function publicKey(entry: Json, fallback?: Row): Promise<VerifyingKey> {
  if (!isObject(entry)) throw new KeyError('malformed', 'a key that is not an object')
  checkPublic(entry)
  const text = (name: string): string | undefined => {
    const value = member(entry, name)
    if (value === undefined || typeof value === 'string') return value
    throw new KeyError('malformed', `${name} is not a string`)
  }
  const kty = text('kty')
  if (kty === undefined) throw new KeyError('malformed', 'no kty')
  const [kid, crv, alg] = [text('kid'), text('crv'), text('alg')]
  checkUse(text('use'), member(entry, 'key_ops'))
  const chosen = algorithmOf(kty, crv, alg, fallback ?? (kty === 'RSA' ? row('RS256') : undefined))
  const { key, signatureBytes } = await importPublic(chosen, (name) => decoded(name, text(name)))
  return verifying(chosen, kid, signatureBytes, key)
}

function checkUse(use: string | undefined, ops: Json | undefined): void {
  if (ops !== undefined && !(Array.isArray(ops) && ops.every((op) => typeof op === 'string'))) {
    throw new KeyError('malformed', 'key_ops is not an array of strings')
  }
  if ((use !== undefined && use !== 'sig') || (ops !== undefined && !ops.includes('verify'))) {
    throw new KeyError('wrong_use', 'the key is not for signatures')
  }
}

/** The one algorithm of a key: its `alg`, else the fallback, else the only one its curve allows. */
function algorithmOf(kty: string, crv: string | undefined, alg: string | undefined, fallback: Row | undefined): Row {
  const named = alg === undefined ? fallback : row(alg)
  if (alg !== undefined && named === undefined) throw new KeyError('unsupported', `algorithm ${shown(alg, 24)}`)
  if (named !== undefined) {
    if (fits(named, kty, crv)) return named
    throw new KeyError('wrong_algorithm', `${named.name} does not fit the key's type or curve`)
  }
  const [only, other] = fitting(kty, crv)
  if (only === undefined) throw new KeyError('unsupported', `key type ${shown(kty, 16)} ${shown(crv ?? '', 16)}`)
  if (other !== undefined) throw new KeyError('wrong_algorithm', 'the key does not name its algorithm')
  return only
}

function decoded(name: string, value: string | undefined): Bytes {
  if (value === undefined) throw new KeyError('malformed', `${name} is missing`)
  const bytes = decode(value)
  if (bytes === undefined) throw new KeyError('malformed', `${name} is not base64url`)
  return bytes
}

type Member = (name: string) => Bytes

/** Only checked material reaches the platform, never the JWK as it came. */
async function importPublic(row: Row, of: Member): Promise<{ key: CryptoKey; signatureBytes: number }> {
  if (row.kty === 'RSA') {
    const [n, e] = [of('n'), of('e')]
    checkRsa(n, e)
    const jwk = { kty: 'RSA', n: encode(n), e: encode(e) }
    return { key: await imported('jwk', jwk, row), signatureBytes: n.length }
  }
  const exactly = (name: string): Bytes => {
    const bytes = of(name)
    if (bytes.length === row.bytes) return bytes
    throw new KeyError('malformed', `${name}: ${row.bytes} bytes due, ${bytes.length} came`)
  }
  const x = exactly('x')
  const raw = row.kty === 'EC' ? new Uint8Array([4, ...x, ...exactly('y')]) : x
  return { key: await imported('raw', raw, row), signatureBytes: 2 * row.bytes }
}

async function imported(format: 'raw' | 'jwk', material: Bytes | JsonWebKey, row: Row): Promise<CryptoKey> {
  try {
    // The two forms are overloads of one call; a variable cannot pick between them.
    return format === 'jwk'
      ? await crypto.subtle.importKey(format, material as JsonWebKey, row.importing, false, ['verify'])
      : await crypto.subtle.importKey(format, material as Bytes, row.importing, false, ['verify'])
  } catch {
    throw new KeyError('bad_key', `not a ${row.name} key, or this platform cannot use it`)
  }
}

/** Refuses moduli of the wrong size or even, and exponents that are even, 1, or over 32 bits. */
function checkRsa(n: Bytes, e: Bytes): void {
  for (const [name, integer] of [['n', n], ['e', e]] as const) {
    // Base64urlUInt has no leading zeros (RFC 7518 2).
    if (!integer[0]) throw new KeyError('malformed', `${name} is empty or has leading zeros`)
  }
  const bits = n.length * 8 - (Math.clz32(n[0] ?? 0) - 24)
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) {
    throw new KeyError('weak_key', `RSA of ${bits} bits; ${RSA_BITS.least} to ${RSA_BITS.most} due`)
  }
  const odd = (integer: Bytes): boolean => ((integer[integer.length - 1] ?? 0) & 1) === 1
  if (!odd(n) || !odd(e) || e.length > 4 || (e.length === 1 && e[0] === 1)) {
    throw new KeyError('bad_key', 'RSA modulus and exponent must be odd, the exponent 3 to 2^32')
  }
}

function verifying(row: Row, kid: string | undefined, signatureBytes: number, key: CryptoKey): VerifyingKey {
  return {
    kid,
    row,
    verify: async (message, signature) =>
      signature.length === signatureBytes && (await crypto.subtle.verify(row.verifying, key, signature, message)),
  }
}

/**
 * From an HMAC secret, at least as long as the hash (RFC 7518 3.2). Without a `kid` it gets the one Countersign
 * gives the same secret.
 */
export async function secretKey(row: Row, kid: string | undefined, secret: Uint8Array): Promise<VerifyingKey> {
  if (row.kty !== 'oct') throw new KeyError('wrong_algorithm', `${row.name} takes no secret`)
  if (secret.length < row.bytes) {
    throw new KeyError('weak_key', `a secret of ${secret.length} bytes; ${row.bytes} due for ${row.name}`)
  }
  const key = await crypto.subtle.importKey('raw', new Uint8Array(secret), row.importing, false, ['verify', 'sign'])
  return verifying(row, kid ?? (await secretKid(key)), row.bytes, key)
}

/** A digest of a MAC: it tells nothing that a token does not tell. */
async function secretKid(key: CryptoKey): Promise<string> {
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode('kid'))
  return encode((await sha256(new Uint8Array(mac))).subarray(0, SECRET_KID_BYTES))
}
