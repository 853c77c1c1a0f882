// What a token must be to be accepted. Issuer, audience, type and algorithms cannot be left out.

import type { Algorithm } from './algorithm.js'
import { row } from './algorithm.js'

/** What a token must be. Times are seconds. */
export interface Policy {
  /** The exact issuer. */
  readonly issuer: string
  /** The names of this service; a token must carry one of them in `aud`. */
  readonly audience: string | readonly string[]
  /** The header's `typ`: `at+jwt` for access tokens (RFC 9068). Without case and without `application/`. */
  readonly type: string
  /** Algorithms accepted; a key of another is never used. */
  readonly algorithms: readonly Algorithm[]
  /** Clock difference to the issuer that is tolerated, 0 to 60 s. Default 0. */
  readonly leeway?: number
}

/** A policy that was checked. */
export interface Checked {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly type: string
  readonly algorithms: readonly Algorithm[]
  readonly leewayMs: number
  /** More for `nbf` and `iat`, when that is more. */
  readonly earlyMs: number
  readonly judgeExpiry: boolean
}

/** Clock difference that may be tolerated at most, in seconds. */
const MAX_LEEWAY = 60

/** Checks a policy as script gives it: a type that was left out is no type that fits. */
export function checked(policy: Policy): Checked {
  const { issuer, audience, type, algorithms, leeway = 0 } = policy
  if (!isText(issuer)) throw new TypeError('an issuer is needed: the exact `iss` of its tokens')
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (!audiences.length || !audiences.every(isText)) {
    throw new TypeError('an audience is needed: the name of this service as tokens carry it')
  }
  if (!isText(type)) throw new TypeError('a type is needed: at+jwt for access tokens (RFC 9068)')
  if (!Array.isArray(algorithms) || !algorithms.length || !algorithms.every(isText)) {
    throw new TypeError('algorithms are needed: those the issuer signs with, such as ES256')
  }
  const names = algorithms.map((name: string) => row(name)?.name ?? unknown(name))
  if (typeof leeway !== 'number' || !(leeway >= 0 && leeway <= MAX_LEEWAY)) {
    throw new RangeError(`leeway is 0 to ${MAX_LEEWAY} seconds`)
  }
  return {
    issuer, audience: audiences.filter(isText), type: strip(type), algorithms: names,
    leewayMs: leeway * 1000, earlyMs: 0, judgeExpiry: true,
  }
}

function unknown(name: string): never {
  throw new TypeError(`no such algorithm here: ${name}`)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Whether a header's `typ` is the one due (RFC 7515 4.1.9). Absent is not. */
export function accepts(due: string, typ: string | undefined): boolean {
  return typ !== undefined && lower(strip(typ)) === lower(due)
}

function strip(typ: string): string {
  const prefix = 'application/'
  const rest = typ.slice(prefix.length)
  return lower(typ.slice(0, prefix.length)) === prefix && !rest.includes('/') ? rest : typ
}

/** ASCII only: other letters fall together under the case rules of Unicode. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
