// Asking the issuer about one token (RFC 7662): what a route may fall back on while the feed is stale.

import type { Bounds } from './fetch.js'
import { address, get, SourceError } from './fetch.js'
import { isObject, JsonError, member, parse } from './json.js'
import type { JsonObject } from './json.js'

/** Questions under way at once; more than that fail closed, so that an issuer in trouble is not drowned. */
const AT_ONCE = 64
/** Bytes of an answer at most. */
const MOST_BYTES = 64 * 1024

/** Credentials of this service at the issuer. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** Asks about tokens. */
export class Introspection {
  readonly #authorization: string
  readonly #bounds: Bounds
  readonly #allowLoopback: boolean
  #asking = 0

  constructor({ clientId, clientSecret }: Credentials, bounds: Bounds, allowLoopback: boolean) {
    // RFC 6749 2.3.1: both parts are form-encoded before they are joined.
    const part = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
    this.#authorization = `Basic ${btoa(`${part(clientId)}:${part(clientSecret)}`)}`
    this.#bounds = { ...bounds, maxBytes: MOST_BYTES }
    this.#allowLoopback = allowLoopback
  }

  /** Whether the issuer calls the token active. Nothing: it cannot be asked, or gave no usable answer. */
  async active(token: string, metadata: JsonObject | undefined): Promise<boolean | undefined> {
    const endpoint = metadata && member(metadata, 'introspection_endpoint')
    if (typeof endpoint !== 'string' || this.#asking >= AT_ONCE) return undefined
    this.#asking++
    try {
      const answer = parse(await this.#post(address(endpoint, this.#allowLoopback).href, token))
      const active = isObject(answer) ? member(answer, 'active') : undefined
      return typeof active === 'boolean' ? active : undefined
    } catch (error) {
      if (error instanceof SourceError || error instanceof JsonError) return undefined
      throw error
    } finally {
      this.#asking--
    }
  }

  #post(url: string, token: string): Promise<Uint8Array> {
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' })
    return get(this.#bounds, url, { method: 'POST', headers: { accept: 'application/json', authorization: this.#authorization }, body })
  }
}
