// The policy's verdict on a claim set, and the claims every access token has.

import { VerifyError, shown } from './error.js'
import type { Json, JsonObject } from './json.js'
import { member } from './json.js'
import type { Checked } from './policy.js'

/** A NumericDate (RFC 7519 2) is a number from 0 to the end of the year 9999; everything else is malformed. */
const LAST_SECOND = 253_402_300_799

/** Issuer, audience, types and times, in this order. `now` in milliseconds. */
export function judge(claims: JsonObject, policy: Checked, now: number): void {
  judgeIssuer(claims, policy.issuer)
  judgeAudience(claims, policy.audience)
  for (const claim of ['sub', 'jti', 'client_id']) expectString(claim, member(claims, claim))
  dateOf(claims, 'auth_time')
  judgeTimes(claims, policy, now)
}

/** Expiry and beginning alone: what is judged again on every use. */
export function judgeTimes(claims: JsonObject, policy: Checked, now: number): void {
  const expiry = dateOf(claims, 'exp')
  if (expiry === undefined) throw missing('exp')
  if (policy.judgeExpiry && expiry <= now - policy.leewayMs) throw at('exp', 'expired', 'expired at', expiry, now)
  for (const claim of ['nbf', 'iat']) {
    const date = dateOf(claims, claim)
    if (date !== undefined && date > now + Math.max(policy.leewayMs, policy.earlyMs)) throw at(claim, 'not_yet_valid', 'valid from', date, now)
  }
}

function judgeIssuer(claims: JsonObject, due: string): void {
  const came = member(claims, 'iss')
  if (came === undefined) throw missing('iss')
  expectString('iss', came)
  if (came !== due) {
    throw new VerifyError('wrong_issuer', 'iss', `expected ${shown(due, 80)}, came ${shown(String(came), 80)}`)
  }
}

function judgeAudience(claims: JsonObject, due: readonly string[]): void {
  const came = member(claims, 'aud')
  if (came === undefined) throw missing('aud')
  const list = typeof came === 'string' ? [came] : came
  if (!isStrings(list)) throw malformed('aud', 'a string or an array of strings')
  if (list.some((name) => due.includes(name))) return
  const detail = `expected ${shown(due.join(' or '), 80)}, came ${shown(JSON.stringify(came), 80)}`
  throw new VerifyError('wrong_audience', 'aud', detail)
}

/** The claims of an access token (RFC 9068 2.2). */
export interface AccessToken {
  /** Issuer. */
  readonly iss: string
  /** A user, or the client itself. */
  readonly sub: string
  /** The resources it is for. */
  readonly aud: string | readonly string[]
  /** Expiry, seconds. */
  readonly exp: number
  /** When it was issued, seconds. */
  readonly iat: number
  /** Its own name. */
  readonly jti: string
  /** The client it was issued to. */
  readonly client_id: string
  /** Space-separated scopes. */
  readonly scope?: string
  /** Client session. */
  readonly sid?: string
  /** When the person last proved who they are, seconds. */
  readonly auth_time?: number
  /** Authentication context class. */
  readonly acr?: string
  /** Authentication methods (RFC 8176). */
  readonly amr?: readonly string[]
  /** Roles that touch the audience. */
  readonly roles?: readonly string[]
  /** Groups. */
  readonly groups?: readonly string[]
  /** Everything else. */
  readonly [claim: string]: Json | undefined
}

const DUE = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id']

/** After {@link judge}: what is there has its type (`null` is not absence), and what is due is there. */
export function accessToken(claims: JsonObject): AccessToken {
  for (const claim of ['scope', 'sid', 'acr']) {
    const value = member(claims, claim)
    if (value !== undefined && typeof value !== 'string') throw untyped(claim, 'a string')
  }
  for (const claim of ['amr', 'roles', 'groups']) {
    const value = member(claims, claim)
    if (value !== undefined && !isStrings(value)) throw untyped(claim, 'an array of strings')
  }
  const absent = DUE.find((claim) => member(claims, claim) === undefined)
  if (absent !== undefined) throw missing(absent)
  return claims as AccessToken
}

function at(claim: string, code: string, what: string, date: number, now: number): VerifyError {
  return new VerifyError(code, claim, `${what} ${Math.floor(date / 1000)}, it is ${Math.floor(now / 1000)}`)
}

function missing(claim: string): VerifyError {
  return new VerifyError('missing_claim', claim, 'the claim is absent')
}

function malformed(claim: string, expected: string): VerifyError {
  return new VerifyError('malformed', claim, `expected ${expected}, came something else`)
}

function untyped(claim: string, expected: string): VerifyError {
  return new VerifyError('malformed', undefined, `claims: ${claim}: expected ${expected}`)
}

function expectString(claim: string, value: Json | undefined): void {
  if (value !== undefined && typeof value !== 'string') throw malformed(claim, 'a string')
}

function isStrings(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/** A NumericDate in milliseconds, its fraction cut to one. */
function dateOf(claims: JsonObject, claim: string): number | undefined {
  const value = member(claims, claim)
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= 0 && value <= LAST_SECOND) return Math.floor(value * 1000)
  throw malformed(claim, 'a number of seconds from 0 to the year 9999')
}
