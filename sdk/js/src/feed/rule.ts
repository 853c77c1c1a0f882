// Rules and the names they go by on the wire.
//
// A token is revoked if any live rule covers it. Rules are only added and expire by themselves, so one that comes
// twice, late or out of order does no harm.

import { sha256 } from '../sha256.js'
import type { Reader, Wide } from './bytes.js'
import { FormatError } from './bytes.js'

/** What a rule names, in the order of the wire from 1 on. `coarse`: finer rules before it may be dropped. */
export const KINDS = ['iss', 'kid', 'cid', 'sub', 'sid', 'jti', 'subpfx', 'coarse'] as const
/** What a rule names. */
export type Kind = (typeof KINDS)[number]

/** The name of an id. */
export type Name = Wide

/** A cutoff that covers every token, whatever its `iat`. */
export const ALWAYS = 0xffff_ffff
/** Bytes of a rule: kind, name, cutoff, until. */
export const RULE_BYTES = 17

/** One rule. */
export interface Rule {
  readonly kind: Kind
  readonly name: Name
  /** Tokens with `iat` at or below this are covered, whole seconds; {@link ALWAYS} covers them all. */
  readonly cutoff: number
  /** Whole seconds: the latest `exp` of a covered token. */
  readonly until: number
}

/** Reads one. */
export function readRule(from: Reader): Rule {
  const byte = from.u8()
  const kind = KINDS[byte - 1]
  if (kind === undefined) throw new FormatError('unsupported', `a rule of kind ${byte}`)
  const rule = { kind, name: { high: from.u32(), low: from.u32() }, cutoff: from.u32(), until: from.u32() }
  const { high, low } = rule.name
  const narrow = kind === 'subpfx' ? high === 0 && low <= 0xffff : kind !== 'coarse' || (high === 0 && low === 0)
  if (!narrow) throw new FormatError('malformed', `a ${kind} rule`)
  return rule
}

/** Whether a token of that `iat` is covered by a cutoff. */
export function covers(cutoff: number, iat: number): boolean {
  return cutoff === ALWAYS || iat <= cutoff
}

/**
 * How long a rule stays after its `until`, in seconds: a verifier may allow 60 s of leeway after `exp`, and its
 * clock may be behind.
 */
const LINGER = 65

/** Whether it has dropped out. `now` in milliseconds. */
export function isOver(until: number, now: number): boolean {
  return until + LINGER <= Math.floor(now / 1000)
}

/** What of a token rules look at. */
export interface Subject {
  readonly iss: string
  /** The key that verified. */
  readonly kid: string | undefined
  readonly clientId: string
  readonly sub: string
  readonly sid: string | undefined
  readonly jti: string | undefined
}

/** A token's names under one salt, made when they are asked for: a kind without rules costs nothing. */
export class Names {
  readonly #salt: Uint8Array
  readonly #token: Subject
  readonly #made = new Map<Kind, Name>()

  constructor(salt: Uint8Array, token: Subject) {
    this.#salt = salt
    this.#token = token
  }

  /** The name that a rule of this kind would have; nothing if the token has no such id. */
  async of(kind: Kind): Promise<Name | undefined> {
    // A bucket of subjects: the first 16 bits of their name.
    if (kind === 'subpfx') return { high: 0, low: ((await this.of('sub'))?.high ?? 0) >>> 16 }
    const known = this.#made.get(kind)
    if (known !== undefined) return known
    const { iss, kid, clientId: cid, sub, sid, jti } = this.#token
    const id = { iss: '', kid, cid, sub, sid, jti, coarse: undefined }[kind]
    if (id === undefined) return undefined
    const name = await nameOf(this.#salt, kind, iss, id)
    this.#made.set(kind, name)
    return name
  }
}

/**
 * The name of an id: the first 8 bytes of SHA-256 over salt, kind, the issuer's length in two bytes, issuer and
 * id. Never zero.
 */
export async function nameOf(salt: Uint8Array, kind: Kind, issuer: string, id: string): Promise<Name> {
  const [iss, text] = [utf8(issuer), utf8(id)]
  const length = Math.min(iss.length, 0xffff)
  const whole = new Uint8Array([...salt, KINDS.indexOf(kind) + 1, length >> 8, length & 0xff, ...iss, ...text])
  const view = new DataView((await sha256(whole)).buffer)
  const [high, low] = [view.getUint32(0), view.getUint32(4)]
  return high === 0 && low === 0 ? { high: 0, low: 1 } : { high, low }
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
