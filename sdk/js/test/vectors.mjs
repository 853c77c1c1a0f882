// The vectors that the Rust crates are held to as well (sdk/vectors).
import { readFile } from 'node:fs/promises'

export async function vectors(name) {
  return JSON.parse(await readFile(new URL(`../../vectors/${name}.json`, import.meta.url)))
}

export const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'))
export const text = (bytes) => Buffer.from(bytes).toString('base64url')
export const hex = ({ high, low }) => high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
export const shown = ({ kind, name, cutoff, until }) => [kind, hex(name), cutoff, until]

/** What a promise or function ends in: undefined, or the error. */
export async function failure(work) {
  try {
    await (typeof work === 'function' ? work() : work)
    return undefined
  } catch (error) {
    return error
  }
}
