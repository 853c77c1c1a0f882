// The real binary with a throw-away data directory. `E2E_BINARY` says which.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './issuer.mjs'

export const binary = process.env.E2E_BINARY
const secret = 'machine-secret-0123456789abcdef0123456789'

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

export class Countersign {
  static async start() {
    const self = new Countersign()
    self.dir = await mkdtemp(join(tmpdir(), 'countersign-js-'))
    self.port = await freePort()
    self.url = `http://127.0.0.1:${self.port}`
    await self.up()
    return self
  }

  async up() {
    let log = ''
    const args = ['serve', '--listen', `127.0.0.1:${this.port}`, '--issuer', this.url, '--data-dir', this.dir]
    this.child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (chunk) => { log += chunk })
    await until('the issuer to be ready', async () => {
      if (this.child.exitCode !== null) throw new Error(log)
      return fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false)
    }, 30_000)
  }

  async down() {
    if (this.child.exitCode !== null) return
    const ended = new Promise((done) => this.child.once('exit', done))
    this.child.kill()
    await ended
  }

  async stop() {
    await this.down()
    await rm(this.dir, { recursive: true, force: true })
  }

  /** Runs a command on this issuer's data; answers stdout. */
  cli(args, stdin = '') {
    return new Promise((done, fail) => {
      const child = execFile(binary, [...args, '--data-dir', this.dir], (error, stdout, stderr) => {
        if (error) fail(new Error(`countersign ${args.join(' ')}\n${stderr}`))
        else done(stdout)
      })
      child.stdin.end(stdin)
    })
  }

  async apply(kind, document) {
    const file = join(this.dir, `${kind}.json`)
    await writeFile(file, JSON.stringify(document))
    return this.cli([kind, 'apply', file])
  }

  /** A machine that gets tokens for these resources and may introspect them. */
  async client(id, resources) {
    await this.apply('client', {
      client_id: id, client_secret: secret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_basic', scope: 'read', resources, introspects: resources,
    })
    return { clientId: id, clientSecret: secret }
  }

  async #post(path, id, form) {
    const answer = await fetch(this.url + path, {
      method: 'POST', headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` }, body: new URLSearchParams(form),
    })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  async token(id, resource) {
    const answer = await this.#post('/oauth/token', id, { grant_type: 'client_credentials', scope: 'read', resource })
    return (await answer.json()).access_token
  }

  /** RFC 7009. */
  revoke(id, token) {
    return this.#post('/oauth/revoke', id, { token })
  }
}
