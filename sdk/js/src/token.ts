// The one way in: parse, choose the key, check the signature, then type, issuer, audience and times.

import { row } from './algorithm.js'
import { decode } from './base64url.js'
import { VerifyError, shown } from './error.js'
import { judge } from './judge.js'
import type { Json, JsonObject } from './json.js'
import { isObject, JsonError, member, parse } from './json.js'
import type { KeySet, VerifyingKey } from './key.js'
import type { Checked } from './policy.js'
import { accepts } from './policy.js'

/** Compact tokens longer than this are refused unread, in bytes. */
export const MAX_TOKEN = 64 * 1024
/** Bytes of an encoded header at most. */
const MAX_HEADER = 8 * 1024
/**
 * Parameters refused whatever they hold: nothing they announce is supported, and a `jwk` must never be a key
 * source here. `jku`, `x5u`, `x5c`, `x5t` and unknown ones are ignored: the key comes from the configured set.
 */
const FORBIDDEN = ['crit', 'b64', 'zip', 'enc', 'jwk']

/** A token that passed. */
export interface Verified {
  readonly claims: JsonObject
  readonly key: VerifyingKey
}

/** Verifies a compact token at `now`, in milliseconds. Throws {@link VerifyError}. */
export async function verifyToken(token: string, keys: KeySet, policy: Checked, now: number): Promise<Verified> {
  // Characters of a token are bytes; one that is not ASCII dies in base64url.
  if (token.length > MAX_TOKEN) throw tooLarge(`${token.length} bytes; at most ${MAX_TOKEN} are due`)
  const [first, second, third, more] = token.split('.', 4)
  if (first === undefined || second === undefined || third === undefined || more !== undefined) {
    throw malformed('not three parts')
  }
  if (first.length > MAX_HEADER) throw tooLarge(`a header of ${first.length} bytes; at most ${MAX_HEADER} are due`)
  const [headerBytes, claimBytes, signature] = [part('header', first), part('claims', second), part('signature', third)]
  const header = readHeader(headerBytes)
  const key = choose(keys, policy, header)
  const signed = new TextEncoder().encode(`${first}.${second}`)
  if (!(await key.verify(signed, signature))) {
    throw new VerifyError('bad_signature', undefined, "the signature is not this key's")
  }
  if (!accepts(policy.type, header.typ)) {
    const came = header.typ === undefined ? 'none' : shown(header.typ, 32)
    throw new VerifyError('wrong_type', 'typ', `expected ${policy.type}, came ${came}`)
  }
  const claims = readObject('claims', claimBytes)
  judge(claims, policy, now)
  return { claims, key }
}

function tooLarge(detail: string): VerifyError {
  return new VerifyError('too_large', undefined, detail)
}

function malformed(detail: string, claim?: string): VerifyError {
  return new VerifyError('malformed', claim, detail)
}

function part(name: string, text: string): Uint8Array<ArrayBuffer> {
  const bytes = decode(text)
  if (bytes === undefined) throw malformed(`${name} is not base64url`)
  return bytes
}

function readObject(name: string, bytes: Uint8Array): JsonObject {
  let value: Json
  try {
    value = parse(bytes)
  } catch (error) {
    throw error instanceof JsonError ? malformed(`${name}: ${error.message}`) : error
  }
  if (!isObject(value)) throw malformed(`${name}: not an object`)
  return value
}

interface Header {
  readonly alg: string
  readonly typ: string | undefined
  readonly kid: string | undefined
}

function readHeader(bytes: Uint8Array): Header {
  const object = readObject('header', bytes)
  const text = (name: string): string | undefined => {
    const value = member(object, name)
    if (value === undefined || typeof value === 'string') return value
    throw malformed('expected a string', name)
  }
  for (const name of Object.keys(object)) {
    if (FORBIDDEN.includes(name)) throw new VerifyError('forbidden_header', name, 'not supported here')
  }
  text('cty')
  const [alg, typ, kid] = [text('alg'), text('typ'), text('kid')]
  if (alg === undefined) throw malformed('the header has none', 'alg')
  return { alg, typ, kid }
}

/** The algorithm named must be the key's own, and the policy's. */
function choose(keys: KeySet, policy: Checked, header: Header): VerifyingKey {
  const wrong = (expected: string): VerifyError =>
    new VerifyError('wrong_algorithm', 'alg', `expected ${expected}, came ${shown(header.alg, 24)}`)
  const key = keys.choose(header.kid, header.alg)
  if (typeof key === 'string') {
    const named = row(header.alg)
    // Refused for its algorithm already: no reason to look for other keys.
    if (named === undefined || !policy.algorithms.includes(named.name)) throw wrong('an algorithm of the policy')
    if (key === 'ambiguous') throw new VerifyError('ambiguous_key', 'kid', 'no kid, and several keys fit')
    const kid = header.kid === undefined ? 'none' : shown(header.kid, 48)
    throw new VerifyError('unknown_key', 'kid', `no key for kid ${kid}`)
  }
  if (row(header.alg) !== key.row) throw wrong(key.row.name)
  if (!policy.algorithms.includes(key.row.name)) throw wrong('an algorithm of the policy')
  return key
}
