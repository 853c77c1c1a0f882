// base64url without padding, strict: canonical, no padding, no white space (RFC 7515 2, RFC 4648 3.5).

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NONE = 255
const VALUES = new Uint8Array(128).fill(NONE)
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Decodes; `undefined` when padded, not canonical or outside the alphabet. */
export function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  const rest = text.length % 4
  if (rest === 1) return undefined
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let held = 0
  let bits = 0
  let to = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? NONE
    if (value === NONE) return undefined
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[to++] = held >> bits
    }
  }
  // The bits that no byte holds are zero, or two texts would say the same.
  return (held & ((1 << bits) - 1)) === 0 ? out : undefined
}

/** Encodes. */
export function encode(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const three = (at(bytes, i) << 16) | (at(bytes, i + 1) << 8) | at(bytes, i + 2)
    const digits = Math.min(left, 3) + 1
    for (let digit = 0; digit < digits; digit++) out += ALPHABET.charAt((three >> (18 - 6 * digit)) & 63)
  }
  return out
}

const at = (bytes: Uint8Array, i: number): number => bytes[i] ?? 0
