/**
 * Preloaded into the bundled action's own processes (`NODE_OPTIONS`), behind the guard: the first `DNS_FAILURES` questions
 * for `localhost` go unanswered, as when a resolver is down; then it is this machine.
 */
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

const { lookup } = dns
let failures = Number(process.env['DNS_FAILURES'])

/** @type {(...given: any[]) => void} */
const flaky = (name, options, callback) => {
  if (name !== 'localhost') {
    lookup(name, options, callback)
    return
  }
  failures -= 1
  const error = Object.assign(new Error(`getaddrinfo EAI_AGAIN ${name}`), {
    code: 'EAI_AGAIN',
    syscall: 'getaddrinfo',
  })
  process.nextTick(() => {
    if (failures >= 0) callback(error)
    else if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
    else callback(null, '127.0.0.1', 4)
  })
}
Object.assign(dns, { lookup: flaky })
syncBuiltinESMExports()
