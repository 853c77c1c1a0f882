// The hash chain over the log: one link a rule, so that any prefix has a name of its own.

import { sha256 } from '../sha256.js'
import { RULE_BYTES } from './rule.js'

/** SHA-256 over everything before. */
export type Chain = Uint8Array<ArrayBuffer>

/** Bytes of a link. */
export const CHAIN_BYTES = 32

const DOMAIN = new TextEncoder().encode('countersign revocation feed 1')

/** Of the empty log of an epoch. */
export async function genesis(feed: Uint8Array, epoch: number): Promise<Chain> {
  const text = new Uint8Array(DOMAIN.length + feed.length + 8)
  text.set(DOMAIN)
  text.set(feed, DOMAIN.length)
  new DataView(text.buffer).setBigUint64(DOMAIN.length + feed.length, BigInt(epoch))
  return sha256(text)
}

/** With rules more, as they stand on the wire. */
export async function over(chain: Chain, rules: Uint8Array): Promise<Chain> {
  const text = new Uint8Array(CHAIN_BYTES + RULE_BYTES)
  text.set(chain)
  for (let at = 0; at < rules.length; at += RULE_BYTES) {
    text.set(rules.subarray(at, at + RULE_BYTES), CHAIN_BYTES)
    text.set(await sha256(text))
  }
  return text.slice(0, CHAIN_BYTES)
}
