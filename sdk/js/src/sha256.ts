// SHA-256 by the platform: at once where it has a hash of its own for that (Node, Deno, Workers with Node's modules),
// else by WebCrypto, which takes its time for every call.

type Bytes = Uint8Array<ArrayBuffer>
type Modules = { getBuiltinModule?(name: string): unknown }
type Hashing = { createHash(name: string): { update(bytes: Bytes): { digest(): Uint8Array } } }

const { process } = globalThis as { process?: Modules }
const own = process?.getBuiltinModule?.('node:crypto') as Hashing | undefined

/** The digest, 32 bytes. */
export function sha256(bytes: Bytes): Bytes | Promise<Bytes> {
  if (own !== undefined) return new Uint8Array(own.createHash('sha256').update(bytes).digest())
  return crypto.subtle.digest('SHA-256', bytes).then((digest) => new Uint8Array(digest))
}
