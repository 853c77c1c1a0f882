// From an issuer to its metadata: OpenID Connect Discovery 1.0, then RFC 8414.

import type { Bounds } from './fetch.js'
import { address, get, SourceError } from './fetch.js'
import type { Json, JsonObject } from './json.js'
import { isObject, JsonError, member, parse } from './json.js'

/** An issuer as a URL: no query, no fragment (OIDC Discovery 2, RFC 8414 2). */
export function issuerUrl(issuer: string, allowLoopback: boolean): URL {
  const url = address(issuer, allowLoopback)
  if (/[?#]/.test(issuer)) throw new SourceError('address', `${issuer}: an issuer has neither query nor fragment`)
  return url
}

/** Where metadata stands: OIDC appends to the path, RFC 8414 3.1 puts the well-known part before it. */
export function places(issuer: URL): [string, string] {
  const path = issuer.pathname.replace(/\/+$/, '')
  return [
    `${issuer.origin}${path}/.well-known/openid-configuration`,
    `${issuer.origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

/** The metadata document, which must speak for exactly this issuer (OIDC Discovery 4.3, RFC 8414 3.3). */
export async function discover(bounds: Bounds, issuer: string, url: URL): Promise<JsonObject> {
  const [oidc, oauth] = places(url)
  try {
    return speaksFor(issuer, await get(bounds, oidc), oidc)
  } catch (error) {
    if (!(error instanceof SourceError && error.status === 404)) throw error
    return speaksFor(issuer, await get(bounds, oauth), oauth)
  }
}

/** Reads a metadata document and holds it against the issuer asked. */
export function speaksFor(issuer: string, document: Uint8Array, at: string): JsonObject {
  const metadata = readObject(document, at)
  const found = member(metadata, 'issuer')
  if (found === issuer) return metadata
  throw new SourceError('wrong_issuer', `metadata at ${at} is not that of ${issuer}`)
}

function readObject(document: Uint8Array, at: string): JsonObject {
  let value: Json
  try {
    value = parse(document)
  } catch (error) {
    throw error instanceof JsonError ? new SourceError('metadata', `metadata at ${at}: ${error.message}`) : error
  }
  if (!isObject(value)) throw new SourceError('metadata', `metadata at ${at} is not an object`)
  return value
}

/** A member of a metadata document that is an address this verifier may call. */
export function addressIn(metadata: JsonObject, name: string, allowLoopback: boolean): string {
  const value = member(metadata, name)
  if (typeof value !== 'string') throw new SourceError('metadata', `the metadata has no ${name}`)
  return address(value, allowLoopback).href
}
