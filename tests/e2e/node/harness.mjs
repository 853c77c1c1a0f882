// Starts the real binary with a throw-away data directory, and a real browser.
import { spawn, execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

export const binary = process.env.E2E_BINARY ?? join(root, 'target', 'release', 'countersign')

export const person = { email: 'ada@example.com', username: 'ada', name: 'Ada Lovelace', password: 'difference-engine-1843' }

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

/** Asks again until `probe` answers something truthy or the deadline passes. */
export async function until(what, probe, deadlineMs = 10_000) {
  const deadline = Date.now() + deadlineMs
  let last
  while (Date.now() < deadline) {
    try {
      const value = await probe()
      if (value) return value
    } catch (error) {
      last = error
    }
    await pause(20)
  }
  throw new Error(`${what}: not within ${deadlineMs} ms`, { cause: last })
}

export class Issuer {
  /** `host`: of its URL (cookies know no ports: two issuers of one test need two); `config`: TOML. */
  static async start({ host = 'localhost', config = '' } = {}) {
    const self = new Issuer()
    self.dir = await mkdtemp(join(tmpdir(), 'countersign-e2e-'))
    self.port = await freePort()
    self.url = `http://${host}:${self.port}`
    self.config = join(self.dir, 'countersign.toml')
    await writeFile(self.config, config)
    await self.up()
    await self.cli(['user', 'add', person.email, '--name', person.name, '--username', person.username,
      '--password-stdin', '--email-verified'], person.password + '\n')
    return self
  }

  async up() {
    this.log = ''
    // A write past a file size limit must fail like one on a full disk, not end the process (storm.test.mjs).
    this.child = spawn('sh', ['-c', 'trap "" XFSZ; exec "$@"', 'sh', binary, 'serve', '--listen', `127.0.0.1:${this.port}`,
      '--issuer', this.url, '--data-dir', this.dir, '--config', this.config], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (chunk) => { this.log += chunk })
    await until(`the issuer to be ready`, async () => {
      if (this.child.exitCode !== null) throw new Error(this.log)
      return (await fetch(`${this.url}/readyz`)).ok
    })
  }

  async down(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((done) => this.child.once('exit', done))
      this.child.kill(signal)
      await ended
    }
  }

  async stop() {
    await this.down()
    await rm(this.dir, { recursive: true, force: true })
  }

  /** Runs a command of the binary on this issuer's data; answers stdout. */
  cli(args, stdin = '') {
    return cli([...args, '--data-dir', this.dir], stdin)
  }

  /** `client apply` or `resource apply` of a document. */
  async apply(kind, document) {
    const file = join(this.dir, `${kind}-${process.hrtime.bigint()}.json`)
    await writeFile(file, JSON.stringify(document))
    return this.cli([kind, 'apply', file])
  }
}

/** Runs the binary; answers stdout, or throws with stderr and the exit code. */
export function cli(args, stdin = '') {
  return new Promise((done, fail) => {
    const child = execFile(binary, args, (error, stdout, stderr) => {
      if (error) fail(Object.assign(new Error(`countersign ${args.join(' ')}\n${stderr}`), { exitCode: error.code, stderr }))
      else done(stdout)
    })
    child.stdin.on('error', () => {}) // the command may refuse before it reads
    child.stdin.end(stdin)
  })
}

/** A tiny web server for a client's own pages; answers { url, close }. */
export async function serveClient(handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections() }),
  }
}

export async function launchBrowser() {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('no Chromium found; install it or set CHROMIUM')
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  })
}

/** Fills in the sign-in page that is showing. */
export async function signIn(page, { username = person.email, password = person.password } = {}) {
  await page.locator('input[autocomplete~="username"]').fill(username)
  await page.locator('input[type="password"]').fill(password)
  await page.locator('form:has(input[type="password"]) button[type="submit"]:not([formaction])').click()
}

/** Presses Allow on the consent page that is showing. */
export async function allow(page) {
  await page.getByRole('button', { name: /allow/i }).click()
}
