// Access tokens, good and hostile: the same verdicts as the Rust engine.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { row } from '../build/algorithm.js'
import { VerifyError } from '../build/error.js'
import { accessToken } from '../build/judge.js'
import { KeySet, readKeySet, secretKey } from '../build/key.js'
import { checked } from '../build/policy.js'
import { verifyToken } from '../build/token.js'
import { bytes, failure, vectors } from './vectors.mjs'

const document = await vectors('tokens')
const { keys } = await readKeySet(JSON.stringify({ keys: document.keys }))
const secret = await secretKey(row('HS256'), document.secret.kid, bytes(document.secret.k))
const all = new KeySet([...keys.keys, secret])

async function judge({ name, token, code, claim }, policy, now) {
  const error = await failure(async () => accessToken((await verifyToken(token, all, policy, now)).claims))
  if (error && !(error instanceof VerifyError)) throw error
  assert.deepEqual([error?.code ?? null, error?.claim ?? null], [code, claim], `${name}: ${error?.message}`)
  if (!error) return
  const signature = token.split('.').at(-1)
  assert.ok(error.message.length <= 300, `${name}: says too much`)
  assert.ok(signature.length <= 20 || !error.message.includes(signature), `${name}: says the token`)
  assert.match(error.message, /^[ -~]*$/, `${name}: text that cannot stand in a header`)
}

describe('tokens', () => {
  const { issuer, audience, type, algorithms } = document
  for (const vector of document.cases) {
    it(`${vector.code ?? 'good'}: ${vector.name}`, () => judge(vector, checked({ issuer, audience, type, algorithms }), document.now))
  }
  for (const vector of document.times) {
    it(`times: ${vector.name}`, () => judge(vector, checked({ issuer, audience, type, algorithms, leeway: vector.leeway }), vector.now))
  }
})
