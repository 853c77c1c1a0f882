// npm jose as the oracle of documents, encryption and nested tokens: what one side writes the other reads,
// for every pair of algorithms both have, through the command line.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import * as jose from 'jose'
import { cli } from './harness.mjs'

const text = 'total: 12 — thank you\n'
const bytes = new TextEncoder().encode(text)
const encs = ['A128GCM', 'A256GCM', 'A128CBC-HS256']
const recipients = [
  ['RSA-OAEP-256', undefined],
  ...['ECDH-ES', 'ECDH-ES+A256KW'].flatMap((alg) => ['P-256', 'P-384', 'P-521', 'X25519'].map((crv) => [alg, crv])),
]
// Node 20 has no ML-DSA in its Web Crypto; newer ones do, and then jose has it too.
const hasMlDsa = await jose.generateKeyPair('ML-DSA-44').then(() => true, () => false)
const mlDsa = hasMlDsa ? ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] : []
const signatures = ['Ed25519', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512',
  'HS256', 'HS384', 'HS512', ...mlDsa]

let dir
before(async () => { dir = await mkdtemp(join(tmpdir(), 'countersign-interop-')) })
after(() => rm(dir, { recursive: true, force: true }))

const path = (name) => join(dir, name.replaceAll('+', '-'))
const refused = (code) => (e) => e.exitCode === 1 && e.stderr.includes(code)

/** A key file of ours; answers its path and the whole JWK. */
async function ours(name, alg, crv) {
  const file = path(`ours-${name}.jwk`)
  await cli(['jwk', 'generate', '--alg', alg, '--out', file, ...(crv ? ['--crv', crv] : [])])
  return { file, jwk: JSON.parse(await readFile(file, 'utf8')) }
}

/** A key file of jose's; answers its path and the whole JWK. */
async function theirs(name, alg, crv, use) {
  const jwk = alg.startsWith('HS')
    ? { kty: 'oct', k: jose.base64url.encode(crypto.getRandomValues(new Uint8Array(64))) }
    : await jose.exportJWK((await jose.generateKeyPair(alg, { crv, extractable: true })).privateKey)
  Object.assign(jwk, { alg, use, kid: `theirs-${name}` })
  const file = path(`theirs-${name}.jwk`)
  await writeFile(file, JSON.stringify(jwk))
  return { file, jwk }
}

const publicHalf = ({ kty, crv, x, y, n, e, alg, use, kid, k, pub }) =>
  JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, alg, use, kid, k, pub }))

/** Another character where the last part begins: a changed signature or tag. */
function altered(compact) {
  const at = compact.trim().lastIndexOf('.') + 1
  return compact.slice(0, at) + (compact[at] === 'A' ? 'B' : 'A') + compact.slice(at + 1)
}

describe('signed documents', () => {
  for (const alg of signatures) {
    it(`${alg}: both ways, attached and detached`, async () => {
      const own = await ours(alg, alg)
      const content = path(`content-${alg}`)
      await writeFile(content, text)
      const signed = await cli(['document', 'sign', '-', '--key', own.file, '--typ', 'invoice'], text)
      const key = await jose.importJWK(publicHalf(own.jwk), alg)
      const { payload, protectedHeader } = await jose.compactVerify(signed.trim(), key)
      assert.equal(new TextDecoder().decode(payload), text)
      assert.deepEqual([protectedHeader.alg, protectedHeader.typ], [alg, 'invoice'])
      await assert.rejects(jose.compactVerify(altered(signed).trim(), key), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
      const detached = await cli(['document', 'sign', content, '--key', own.file, '--typ', 'invoice', '--detached'])
      const [header, empty, signature] = detached.trim().split('.')
      assert.equal(empty, '')
      await jose.flattenedVerify({ protected: header, payload: jose.base64url.encode(bytes), signature }, key)

      const other = await theirs(alg, alg, undefined, 'sig')
      const theirKey = await jose.importJWK(other.jwk, alg)
      const made = await new jose.CompactSign(bytes)
        .setProtectedHeader({ alg, kid: other.jwk.kid, typ: 'application/invoice' }).sign(theirKey)
      const keys = path(`keys-${alg}.jwk`)
      await writeFile(keys, JSON.stringify(publicHalf(other.jwk)))
      const verify = ['document', 'verify', '-', '--keys', keys, '--typ', 'invoice']
      assert.equal(await cli(verify, made), text)
      await assert.rejects(cli(verify, altered(made)), refused('bad_signature'))
      const [h, , s] = made.split('.')
      assert.equal(await cli([...verify, '--content', content], `${h}..${s}`), '')
    })
  }
})

describe('sealed documents', () => {
  for (const [alg, crv] of recipients) {
    it(`${alg} ${crv ?? ''}: both ways, every content encryption`, async () => {
      const own = await ours(`${alg}-${crv}`, alg, crv)
      const other = await theirs(`${alg}-${crv}`, alg, crv, 'enc')
      const [to, from] = [await jose.importJWK(publicHalf(own.jwk), alg), await jose.importJWK(other.jwk, alg)]
      for (const enc of encs) {
        const sealed = await new jose.CompactEncrypt(bytes)
          .setProtectedHeader({ alg, enc, kid: own.jwk.kid, typ: 'letter' }).encrypt(to)
        const open = ['document', 'open', '-', '--key', own.file, '--typ', 'letter']
        assert.equal(await cli(open, sealed), text, enc)
        await assert.rejects(cli(open, altered(sealed)), refused('decryption_failed'))

        const made = await cli(['document', 'seal', '-', '--to', other.file, '--typ', 'letter', '--enc', enc], text)
        const { plaintext, protectedHeader } = await jose.compactDecrypt(made.trim(), from)
        assert.equal(new TextDecoder().decode(plaintext), text, enc)
        assert.deepEqual([protectedHeader.alg, protectedHeader.enc, protectedHeader.typ], [alg, enc, 'letter'])
        await assert.rejects(jose.compactDecrypt(altered(made).trim(), from), { code: 'ERR_JWE_DECRYPTION_FAILED' })
      }
    })
  }

  for (const enc of encs) {
    it(`a shared secret, ${enc}: both ways`, async () => {
      const own = await ours(`dir-${enc}`, enc)
      const secret = jose.base64url.decode(own.jwk.k)
      const sealed = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg: 'dir', enc, typ: 'letter' }).encrypt(secret)
      assert.equal(await cli(['document', 'open', '-', '--key', own.file, '--typ', 'letter'], sealed), text)
      const made = await cli(['document', 'seal', '-', '--to', own.file, '--typ', 'letter'], text)
      assert.equal(new TextDecoder().decode((await jose.compactDecrypt(made.trim(), secret)).plaintext), text)
    })
  }

  it('ECDH-ES with both parties named', async () => {
    const own = await ours('parties', 'ECDH-ES', 'P-256')
    const to = await jose.importJWK(publicHalf(own.jwk), 'ECDH-ES')
    const sealed = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: 'letter' })
      .setKeyManagementParameters({ apu: new TextEncoder().encode('Alice'), apv: new TextEncoder().encode('Bob') }).encrypt(to)
    assert.equal(await cli(['document', 'open', '-', '--key', own.file, '--typ', 'letter'], sealed), text)
  })

  it('what is not supported is refused', async () => {
    const own = await ours('rsa', 'RSA-OAEP-256')
    const { alg, ...unnamed } = publicHalf(own.jwk)
    const to = await jose.importJWK(unnamed, 'RSA-OAEP')
    const sealed = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', typ: 'letter' }).encrypt(to)
    await assert.rejects(cli(['document', 'open', '-', '--key', own.file, '--typ', 'letter'], sealed), refused('wrong_algorithm'))
    const right = await jose.importJWK(unnamed, 'RSA-OAEP-256')
    const longer = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', typ: 'letter' }).encrypt(right)
    await assert.rejects(cli(['document', 'open', '-', '--key', own.file, '--typ', 'letter'], longer), refused('wrong_algorithm'))
  })
})

describe('signed, then sealed', () => {
  it('both ways', async () => {
    const [signer, inbox] = [await ours('signer', 'Ed25519'), await ours('inbox', 'ECDH-ES', 'X25519')]
    const made = await cli(['document', 'seal', '-', '--to', inbox.file, '--sign-with', signer.file, '--typ', 'report'], text)
    const opened = await jose.compactDecrypt(made.trim(), await jose.importJWK(inbox.jwk, 'ECDH-ES'))
    assert.equal(opened.protectedHeader.cty, 'JOSE')
    const inner = await jose.compactVerify(opened.plaintext, await jose.importJWK(publicHalf(signer.jwk), 'Ed25519'))
    assert.equal(new TextDecoder().decode(inner.payload), text)

    const partner = await theirs('partner', 'ES256', undefined, 'sig')
    const signed = await new jose.CompactSign(bytes).setProtectedHeader({ alg: 'ES256', kid: partner.jwk.kid, typ: 'report' })
      .sign(await jose.importJWK(partner.jwk, 'ES256'))
    const seal = (content) => jose.importJWK(publicHalf(inbox.jwk), 'ECDH-ES').then((to) =>
      new jose.CompactEncrypt(new TextEncoder().encode(content))
        .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: inbox.jwk.kid, typ: 'report', cty: 'JOSE' }).encrypt(to))
    const open = ['document', 'open', '-', '--key', inbox.file, '--signed-by', partner.file, '--typ', 'report']
    assert.equal(await cli(open, await seal(signed)), text)
    await assert.rejects(cli(open, await seal(altered(signed))), refused('bad_signature'))
  })
})

describe('keys', () => {
  for (const [alg, crv] of [...signatures.filter((alg) => !alg.startsWith('HS')).map((alg) => [alg]), ...recipients]) {
    it(`${alg} ${crv ?? ''}: PEM and thumbprint as jose has them`, async () => {
      const own = await ours(`pem-${alg}-${crv}`, alg, crv)
      assert.equal(await jose.calculateJwkThumbprint(own.jwk), own.jwk.kid)
      assert.equal((await cli(['jwk', 'thumbprint', own.file, '--uri'])).trim(), await jose.calculateJwkThumbprintUri(own.jwk))
      const pem = await cli(['jwk', 'convert', own.file, '--to', 'pem'])
      const read = await jose.exportJWK(await jose.importPKCS8(pem, alg, { extractable: true }))
      for (const [name, value] of Object.entries(read)) assert.equal(own.jwk[name], value, name)
      const spki = await cli(['jwk', 'convert', own.file, '--to', 'public-pem'])
      await jose.importSPKI(spki, alg)

      const other = await theirs(`pem-${alg}-${crv}`, alg, crv)
      const theirPem = await jose.exportPKCS8(await jose.importJWK(other.jwk, alg, { extractable: true }))
      const back = JSON.parse(await cli(['jwk', 'convert', '-', '--to', 'jwk', '--alg', alg], theirPem))
      for (const name of ['x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi', 'pub', 'priv']) assert.equal(back[name], other.jwk[name], name)
    })
  }
})

describe('tokens', () => {
  it('jose accepts what `token sign` writes, also inside an encrypted one', async () => {
    const [signer, inbox] = [await ours('issuer', 'ES256'), await ours('client', 'ECDH-ES+A256KW', 'P-256')]
    const claims = JSON.stringify({ iss: 'https://id.example', aud: 'shop', sub: 'u_1' })
    const token = (await cli(['token', 'sign', '--key', signer.file, '--claims', '-', '--expires-in', '5m'], claims)).trim()
    const keys = jose.createLocalJWKSet({ keys: [publicHalf(signer.jwk)] })
    const due = { issuer: 'https://id.example', audience: 'shop', typ: 'JWT' }
    const { payload } = await jose.jwtVerify(token, keys, due)
    assert.deepEqual([payload.sub, payload.exp - payload.iat], ['u_1', 300])
    const to = await jose.importJWK(publicHalf(inbox.jwk), 'ECDH-ES+A256KW')
    const nested = await new jose.CompactEncrypt(new TextEncoder().encode(token))
      .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', cty: 'JWT', typ: 'JWT' }).encrypt(to)
    const opened = await jose.compactDecrypt(nested, await jose.importJWK(inbox.jwk, 'ECDH-ES+A256KW'))
    await jose.jwtVerify(opened.plaintext, keys, due)
    // A token is no document, and a nested one neither.
    await assert.rejects(cli(['document', 'open', '-', '--key', inbox.file, '--typ', 'letter'], nested), refused('wrong_type'))
  })
})
