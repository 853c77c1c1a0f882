// A small issuer for tests: tokens, keys and a revocation feed, signed with the keys of the vectors. Its feed is
// written here a second time, from the format's description.
import { createHash } from 'node:crypto'
import http from 'node:http'
import { text, vectors } from './vectors.mjs'

const { keys } = await vectors('keys')
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
const u64 = (number) => { const out = Buffer.alloc(8); out.writeBigUInt64BE(BigInt(number)); return out }
const u32 = (number) => { const out = Buffer.alloc(4); out.writeUInt32BE(number); return out }
const KINDS = { iss: 1, kid: 2, cid: 3, sub: 4, sid: 5, jti: 6, subpfx: 7, coarse: 8 }
const ALGORITHMS = {
  ES256: [{ name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  Ed25519: ['Ed25519', 'Ed25519'],
}

export function publicOf({ d, p, q, dp, dq, qi, ...jwk }) {
  return jwk
}

/** Signs a compact token with a private JWK. */
export async function sign(jwk, typ, claims, header = {}) {
  const [importing, signing] = ALGORITHMS[jwk.alg]
  const { alg, kid, ...material } = jwk
  const key = await crypto.subtle.importKey('jwk', material, importing, false, ['sign'])
  const input = [{ alg, typ, kid, ...header }, claims].map((part) => text(Buffer.from(JSON.stringify(part)))).join('.')
  return `${input}.${text(new Uint8Array(await crypto.subtle.sign(signing, key, Buffer.from(input))))}`
}

export class TestIssuer {
  audience = 'urn:api'
  now = () => Date.now()
  epoch = 1
  feed = Buffer.alloc(16, 7)
  salt = Buffer.alloc(16, 9)
  feedKey = keys.feed
  feedKeys = [keys.feed]
  signingKeys = [keys.es]
  rules = []
  /** How often each path was asked. */
  asked = {}
  /** Answers for paths that go wrong: (request, response) => whether it answered. */
  trouble = () => false
  hasFeed = true
  nextKey = undefined
  snap = undefined
  #streams = new Set()

  static async start(settings = {}) {
    const self = Object.assign(new TestIssuer(), settings)
    await self.listen(0)
    return self
  }

  async listen(port) {
    this.server = http.createServer((request, response) => {
      this.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
    })
    this.server.listen(port, '127.0.0.1')
    await new Promise((done) => this.server.once('listening', done))
    this.port = this.server.address().port
    this.url ??= `http://127.0.0.1:${this.port}`
    this.heartbeat = setInterval(() => void this.publish(), 500)
  }

  /** Ends every connection; {@link listen} with the same port brings it back. */
  async down() {
    clearInterval(this.heartbeat)
    for (const stream of this.#streams) stream.response.destroy()
    this.#streams.clear()
    const closed = new Promise((done) => this.server.close(done))
    this.server.closeAllConnections()
    await closed
  }

  get streams() {
    return this.#streams.size
  }

  token(claims = {}, key = keys.es, header = {}) {
    const now = Math.floor(this.now() / 1000)
    return sign(key, 'at+jwt', {
      iss: this.url, sub: 'u_1', aud: this.audience, exp: now + 600, iat: now, jti: 'j1', client_id: 'web', sid: 's1',
      scope: 'read', ...claims,
    }, header)
  }

  name(kind, id) {
    const iss = Buffer.from(this.url)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(iss.length)
    return sha256(this.salt, Buffer.of(KINDS[kind]), length, iss, Buffer.from(id)).subarray(0, 8)
  }

  /** Adds a rule and tells everybody who listens. */
  async revoke(kind, id, { cutoff = 0xffffffff, until = Math.floor(this.now() / 1000) + 3600 } = {}) {
    this.rules.push(Buffer.concat([Buffer.of(KINDS[kind]), this.name(kind, id), u32(cutoff), u32(until)]))
    await this.publish()
  }

  chain(seq, rules = this.rules) {
    const first = sha256(Buffer.from('countersign revocation feed 1'), this.feed, u64(this.epoch))
    return rules.slice(0, seq).reduce((chain, rule) => sha256(chain, rule), first)
  }

  head(claims = {}) {
    const now = this.now()
    return sign(this.feedKey, 'revhead+jwt', {
      iss: this.url, aud: `${this.url}/rev`, feed: text(this.feed), epoch: this.epoch, seq: this.rules.length, as_of: now,
      chain: text(this.chain(this.rules.length)), salt: text(this.salt), hb_ms: 500, policy: { soft: 5, hard: 60 },
      exp: Math.floor(now / 1000) + 60, snap: this.snap?.named, next_key: this.nextKey, jwks: this.jwksDigest, ...claims,
    })
  }

  page(after, end, head = '') {
    const rules = this.rules.slice(after, end)
    return Buffer.concat([
      Buffer.from('CSL1'), u64(this.epoch), u64(after), this.chain(after), u32(rules.length), ...rules,
      u32(head.length), Buffer.from(head),
    ])
  }

  /** A snapshot of what is there now, of rules of one kind, sorted. */
  snapshot() {
    const seq = this.rules.length
    const sorted = [...this.rules].sort((a, b) => Buffer.compare(a.subarray(0, 9), b.subarray(0, 9)))
    const least = sorted.reduce((least, rule) => Math.min(least, rule.readUInt32BE(13)), 0xffffffff)
    const leb = (value) => {
      const out = []
      for (let left = BigInt(value); ;) {
        const low = Number(left & 127n)
        left >>= 7n
        if (left === 0n) return [...out, low]
        out.push(low | 128)
      }
    }
    const parts = [Buffer.from('CSS1'), this.feed, u64(this.epoch), u64(seq), this.chain(seq), u32(least)]
    for (let kind = 1; kind <= 7; kind++) {
      const ofKind = sorted.filter((rule) => rule[0] === kind)
      parts.push(u32(ofKind.length))
      let before = 0n
      for (const rule of ofKind) {
        const name = rule.readBigUInt64BE(1)
        const cutoff = (rule.readUInt32BE(9) + 1) % 2 ** 32
        parts.push(Buffer.from([...leb(name - before), ...leb(cutoff), ...leb(rule.readUInt32BE(13) - least)]))
        before = name
      }
    }
    const bytes = Buffer.concat(parts)
    this.snap = { bytes, named: { seq, url: `${this.url}/rev/snap/${this.epoch}/${seq}`, sha256: text(sha256(bytes)) } }
  }

  /** Sends every stream what it has not had, and a head. */
  async publish() {
    if (this.silent) return
    const head = await this.head()
    for (const stream of this.#streams) {
      if (stream.sent < this.rules.length) {
        const page = text(this.page(stream.sent, this.rules.length))
        stream.response.write(`event: rules\nid: ${this.epoch}.${this.rules.length}\ndata: ${page}\n\n`)
        stream.sent = this.rules.length
      }
      stream.response.write(`event: head\ndata: ${head}\n\n`)
    }
  }

  /** Sends streams an event as it stands. */
  send(type, data) {
    for (const { response } of this.#streams) response.write(`event: ${type}\ndata: ${data}\n\n`)
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.url)
    this.asked[url.pathname] = (this.asked[url.pathname] ?? 0) + 1
    if (await this.trouble(request, response, url)) return
    const json = (document) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
    const found = (bytes) => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
    if (url.pathname === '/.well-known/openid-configuration') return json(this.metadata())
    if (url.pathname === '/jwks') return json({ keys: this.signingKeys.map(publicOf) })
    if (!this.hasFeed) return response.writeHead(404).end()
    if (url.pathname === '/.well-known/revocation-feed') return json(this.feedMetadata())
    if (url.pathname === '/rev/head') return found(await this.head())
    if (url.pathname === '/rev/stream') return this.#stream(request, response, url)
    const [, , , epoch, place] = url.pathname.split('/')
    if (url.pathname === '/rev/log') {
      const known = Number(url.searchParams.get('epoch')) === this.epoch && this.oldest <= Number(url.searchParams.get('from'))
      const from = known ? Number(url.searchParams.get('from')) : this.rules.length
      return found(this.page(from, this.rules.length, await this.head()))
    }
    if (url.pathname.startsWith('/rev/log/')) {
      const after = Number(place) * 4096
      if (Number(epoch) !== this.epoch || after + 4096 > this.rules.length) return response.writeHead(404).end()
      return after < this.oldest ? response.writeHead(410).end() : found(this.page(after, after + 4096))
    }
    if (url.pathname.startsWith('/rev/snap/') && Number(place) === this.snap?.named.seq) return found(this.snap.bytes)
    response.writeHead(404).end()
  }

  /** The log no longer goes back beyond this. */
  oldest = 0

  metadata() {
    return {
      issuer: this.url, jwks_uri: `${this.url}/jwks`, introspection_endpoint: `${this.url}/introspect`,
      ...(this.hasFeed ? { revocation_feed: `${this.url}/.well-known/revocation-feed` } : {}),
    }
  }

  feedMetadata() {
    const at = (path) => `${this.url}/rev/${path}`
    return {
      issuer: this.url, feed: text(this.feed), keys: this.feedKeys.map(publicOf), head_endpoint: at('head'),
      log_endpoint: at('log'), snapshot_endpoint: at('snap'), stream_endpoint: at('stream'), ack_endpoint: at('ack'),
    }
  }

  async #stream(request, response, url) {
    const [epoch, seq] = (url.searchParams.get('from') ?? '').split('.').map(Number)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const stream = { response, sent: epoch === this.epoch ? seq : this.rules.length }
    this.#streams.add(stream)
    request.once('close', () => this.#streams.delete(stream))
    response.write(`event: head\ndata: ${await this.head()}\n\n`)
  }
}

/** A clock that stands until it is told. */
export function manualClock(wall = Math.floor(Date.now() / 1000) * 1000) {
  let [now, elapsed] = [wall, 0]
  return {
    now: () => now,
    elapsed: () => elapsed,
    pass(ms) { now += ms; elapsed += ms },
    set(wall) { now = wall },
  }
}

/** Waits until something holds, asking again at once whenever the event loop is free. */
export async function until(what, probe, ms = 10_000) {
  const deadline = Date.now() + ms
  while (Date.now() < deadline) {
    const value = await probe()
    if (value) return value
    await new Promise((done) => setImmediate(done))
  }
  throw new Error(`${what}: not within ${ms} ms`)
}
