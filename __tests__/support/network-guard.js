/**
 * Preloaded into every process of the action that a scenario test starts (`NODE_OPTIONS`): ends connections to any
 * address but those in `NETWORK_GUARD`, TLS without its checks, and every program but the Azure CLI asking for a
 * token. Each is a line on stderr, which `stage.run` takes for a failure of the test, and exit code 99: a library that
 * swallows the error hides nothing. JavaScript, since every process would pay for stripping types.
 *
 * Not in the threads that pack the artifact: they load no module that reaches the network (hardening.test.ts).
 */
import { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { isMainThread } from 'node:worker_threads'

/** What a violation's line begins with; `run-action.ts` looks for it. */
const MARKER = 'network-guard: refused '
const EXIT_CODE = 99
let hasRefused = false

/** What the Azure CLI may be asked (the call of the library for sign-in): no word of it comes from a script or a path. */
const TOKEN_CALL =
  /^account get-access-token --output json --resource https:\/\/[\w.-]+( --tenant [\w.-]+)?( --subscription [\w-]+)?$/

/**
 * Reports a violation.
 * @param {string} what
 * @returns {Error} to be thrown, or to end a socket with; its code is one that nobody retries
 */
function refused(what) {
  hasRefused = true
  // On a line of its own, whatever is being printed.
  writeSync(2, `\n${MARKER}${what}\n`)
  return Object.assign(new Error(`${MARKER}${what}`), { code: 'EGUARDED' })
}

/**
 * Where a socket is to be connected to, as `host:port`, or the path of a local one.
 * @param {unknown[]} given arguments of `net.Socket.connect`, which `net.connect` hands on as one array
 * @returns {string}
 */
function addressOf(given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given
  if (typeof first === 'object' && first !== null) {
    return first.path ?? `${first.host ?? 'localhost'}:${first.port}`
  }
  return `${typeof second === 'string' ? second : 'localhost'}:${String(first)}`
}

/**
 * @param {(address: string) => boolean} isAllowed
 * @param {{ net: typeof import('node:net'), dgram: typeof import('node:dgram'), dns: typeof import('node:dns') }} modules
 */
function guardConnections(isAllowed, { net, dgram, dns }) {
  const { connect } = net.Socket.prototype
  net.Socket.prototype.connect = function (/** @type {any[]} */ ...given) {
    const address = addressOf(given)
    if (isAllowed(address)) return connect.apply(this, given)
    const error = refused(`a connection to ${address}`)
    process.nextTick(() => this.destroy(error))
    return this
  }
  for (const name of ['bind', 'connect', 'send']) {
    dgram.Socket.prototype[name] = () => {
      throw refused('a datagram')
    }
  }
  for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype])
    guardQuestions(owner)
}

/**
 * No question to DNS: who may be reached is known by its address. Addresses are "looked up" on the way to a connection.
 * @param {Record<string, any>} owner functions of `node:dns`, or a resolver's prototype
 */
function guardQuestions(owner) {
  for (const name of Object.getOwnPropertyNames(owner)) {
    if (!/^(lookup|resolve|reverse)/.test(name)) continue
    const original = owner[name]
    owner[name] = function (/** @type {any[]} */ ...given) {
      if (name === 'lookup' && /^([\d.]+|::1)$/.test(given[0])) return original.apply(this, given)
      throw refused(`a question to DNS for ${given[0]}`)
    }
  }
}

/**
 * TLS with its checks on: the certificate's chain and its name.
 * @param {typeof import('node:tls')} tls
 */
function guardTls(tls) {
  const { connect, checkServerIdentity } = tls
  tls.connect = (/** @type {any[]} */ ...given) => {
    const options = given.find((value) => typeof value === 'object' && value !== null) ?? {}
    if (options.rejectUnauthorized === false) throw refused('TLS with rejectUnauthorized: false')
    if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
      throw refused('TLS with NODE_TLS_REJECT_UNAUTHORIZED=0')
    if ((options.checkServerIdentity ?? checkServerIdentity) !== checkServerIdentity)
      throw refused('TLS with a checkServerIdentity of its own')
    return connect(...given)
  }
  Object.defineProperty(tls, 'checkServerIdentity', { value: checkServerIdentity, writable: false })
}

/**
 * No program but `az`, started without a shell.
 * @param {typeof import('node:child_process')} childProcess
 */
function guardPrograms(childProcess) {
  const { spawn } = childProcess.ChildProcess.prototype
  childProcess.ChildProcess.prototype.spawn = function (/** @type {any} */ options) {
    const [, ...words] = options.args ?? []
    const isAzureCli = /(^|\/)az$/.test(options.file) && TOKEN_CALL.test(words.join(' '))
    if (!isAzureCli) throw refused(`the program ${[options.file, ...words].join(' ')}`)
    return spawn.call(this, options)
  }
  for (const name of ['execFileSync', 'execSync', 'spawnSync']) {
    childProcess[name] = (/** @type {unknown} */ file) => {
      throw refused(`the program ${String(file)}`)
    }
  }
}

/** @param {string} addresses `host:port`, separated by blanks; `loopback` for any port of this machine */
function guard(addresses) {
  const allowed = new Set(addresses.split(' '))
  guardConnections(
    (address) => allowed.has(address) || (allowed.has('loopback') && address.startsWith('127.0.0.1:')),
    {
      net: process.getBuiltinModule('node:net'),
      dgram: process.getBuiltinModule('node:dgram'),
      dns: process.getBuiltinModule('node:dns'),
    },
  )
  guardTls(process.getBuiltinModule('node:tls'))
  guardPrograms(process.getBuiltinModule('node:child_process'))
  syncBuiltinESMExports()
  // Whatever code the process chooses for its end.
  process.on('exit', () => {
    if (hasRefused) process.exitCode = EXIT_CODE
  })
}

const addresses = process.env['NETWORK_GUARD']
if (addresses !== undefined && isMainThread) guard(addresses)
