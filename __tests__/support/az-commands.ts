/**
 * The set-up's scripts, run with stand-ins for `az` and `gh`: what they call, and whether the Azure CLI has such commands.
 * The commands and options are those of its reference (learn.microsoft.com/cli/azure/<group>), put down by hand.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SUBSCRIPTION_ID, TENANT_ID } from './bicep-deployment.ts'

/** What the stand-in answers for the two identities, as long as the first one's name has `deployer` in it. */
export const CLIENT_ID = '5f0c2a9e-3b1d-4c6f-8e7a-9d2b4c6e8f10'
export const DEPLOYER_ID = 'a3d9e5b7-1c2f-4e8d-9b6a-7f5e3d1c0b2a'
export const BUILDER_ID = 'c7e1f3a5-8b9d-4f2e-a6c4-0d8b6e4f2a1c'

const ROOT = path.join(import.meta.dirname, '..', '..')
const STAND_IN = path.join(import.meta.dirname, 'az-stand-in.sh')

interface Command {
  required: readonly string[]
  optional?: readonly string[]
  /** Why it must not be called for what is there already. */
  onlyOnce?: string
}

const IN_GROUP = ['--name', '--resource-group']
const PLACED = [...IN_GROUP, '--location']
const OF_ACCOUNT = ['--account-name', '--resource-group']
/** These take no value. */
const FLAGS = ['--all', '--wait', '--yes']
const EVERYWHERE = ['--subscription', '--output', '--query']

/** Commands of the Azure CLI that the scripts may use, with the options that its reference has for them. */
const COMMANDS: Record<string, Command> = {
  'account show': { required: [] },
  'group create': { required: ['--name', '--location'] },
  'group delete': { required: ['--name'], optional: ['--yes'] },
  'group list': { required: [] },
  'identity create': { required: PLACED },
  'identity list': { required: ['--resource-group'] },
  'identity show': { required: IN_GROUP },
  'identity federated-credential create': {
    required: [...IN_GROUP, '--identity-name'],
    optional: ['--issuer', '--subject', '--audiences'],
  },
  'network nat gateway create': { required: PLACED, optional: ['--public-ip-addresses'] },
  'network nsg create': { required: PLACED },
  'network public-ip create': { required: PLACED, optional: ['--sku', '--allocation-method'] },
  'network vnet create': {
    required: PLACED,
    optional: ['--address-prefixes'],
    onlyOnce: 'a network that is put without subnets loses them',
  },
  'network vnet list': { required: ['--resource-group'] },
  'network vnet subnet create': {
    required: [...IN_GROUP, '--vnet-name', '--address-prefixes'],
    optional: ['--nat-gateway', '--network-security-group', '--service-endpoints', '--delegations'],
  },
  'provider register': { required: ['--namespace'], optional: ['--wait'] },
  'role assignment create': {
    required: ['--role', '--scope'],
    // Answers with the assignment that there is, where there is one: azure-cli, command_modules/role/custom.py.
    optional: ['--assignee-object-id', '--assignee-principal-type'],
  },
  'role assignment delete': { required: ['--ids'] },
  'role assignment list': { required: [], optional: ['--all', '--assignee', '--role'] },
  'role definition create': {
    required: ['--role-definition'],
    onlyOnce: 'a second role of the name is refused: RoleDefinitionWithSameNameExists',
  },
  'role definition delete': { required: ['--name'], optional: ['--custom-role-only'] },
  'role definition list': { required: [], optional: ['--name', '--custom-role-only'] },
  'role definition update': { required: ['--role-definition'] },
  'sig create': { required: ['--gallery-name', '--resource-group'], optional: ['--location'] },
  'sig image-definition create': {
    required: [
      ...['--gallery-image-definition', '--gallery-name', '--resource-group'],
      ...['--publisher', '--offer', '--sku', '--os-type'],
    ],
    optional: ['--location', '--os-state', '--hyper-v-generation', '--architecture', '--features'],
    onlyOnce: 'what a definition is cannot be changed, and somebody may have made it otherwise',
  },
  'sig image-definition list': { required: ['--gallery-name', '--resource-group'] },
  'storage account blob-service-properties update': {
    required: OF_ACCOUNT,
    optional: ['--enable-delete-retention', '--enable-container-delete-retention'],
  },
  'storage account create': {
    required: IN_GROUP,
    optional: [
      ...['--location', '--kind', '--sku', '--access-tier', '--min-tls-version', '--https-only', '--bypass'],
      ...['--allow-blob-public-access', '--allow-cross-tenant-replication', '--allow-shared-key-access'],
      '--default-action',
    ],
  },
  'storage account management-policy create': { required: [...OF_ACCOUNT, '--policy'] },
  'storage account network-rule add': {
    required: OF_ACCOUNT,
    optional: ['--ip-address', '--vnet-name', '--subnet'],
  },
  'storage container-rm create': {
    required: ['--name', '--storage-account'],
    optional: ['--resource-group', '--public-access'],
  },
}

/** Values that the reference lists for an option, wherever it stands. */
const VALUES: Record<string, readonly string[]> = {
  '--access-tier': ['Hot', 'Cool', 'Cold', 'Premium'],
  '--allocation-method': ['Dynamic', 'Static'],
  '--architecture': ['x64', 'Arm64'],
  '--assignee-principal-type': ['ForeignGroup', 'Group', 'ServicePrincipal', 'User'],
  '--bypass': ['AzureServices', 'Logging', 'Metrics', 'None'],
  '--default-action': ['Allow', 'Deny'],
  '--hyper-v-generation': ['V1', 'V2'],
  '--kind': ['BlobStorage', 'BlockBlobStorage', 'FileStorage', 'Storage', 'StorageV2'],
  '--min-tls-version': ['TLS1_0', 'TLS1_1', 'TLS1_2', 'TLS1_3'],
  '--os-state': ['Generalized', 'Specialized'],
  '--os-type': ['Linux', 'Windows'],
  '--output': ['json', 'jsonc', 'none', 'table', 'tsv', 'yaml', 'yamlc'],
  '--public-access': ['blob', 'container', 'off'],
}

export interface Call {
  tool: string
  /** Its words before the first option, such as `role assignment create`. */
  command: string
  options: Record<string, string>
}

/** What the Azure CLI would not understand of a call; empty for one that its reference allows. */
export function misuse({ tool, command, options }: Call): string[] {
  if (tool !== 'az') return []
  const known = COMMANDS[command]
  if (!known) return [`az ${command}: no such command`]
  const allowed = [...known.required, ...(known.optional ?? []), ...EVERYWHERE]
  const given = Object.keys(options)
  return [
    ...given.filter((name) => !allowed.includes(name)).map((name) => `az ${command}: no option ${name}`),
    ...known.required
      .filter((name) => !given.includes(name))
      .map((name) => `az ${command}: ${name} is missing`),
    ...Object.entries(options)
      .filter(([name, value]) => VALUES[name] && !VALUES[name].includes(value))
      .map(([name, value]) => `az ${command}: ${name} does not take ${value}`),
  ]
}

/** Whether a call must not be made for what is there already. */
export function isOnlyOnce({ command }: Call): boolean {
  return COMMANDS[command]?.onlyOnce !== undefined
}

export interface ScriptRun {
  code: number | null
  stdout: string
  stderr: string
  calls: Call[]
}

/** A place where the scripts run, with nothing in reach but the stand-ins and the tools that they need. */
export class StandIns {
  private readonly folder: string
  readonly state: string
  runs = 0

  /** @param tools of `az` and `gh`, those that are installed */
  constructor(folder: string, tools: readonly string[] = ['az', 'gh']) {
    this.folder = folder
    this.state = path.join(folder, 'state')
    mkdirSync(path.join(folder, 'bin'), { recursive: true })
    mkdirSync(this.state)
    for (const tool of tools) {
      copyFileSync(STAND_IN, path.join(folder, 'bin', tool))
      chmodSync(path.join(folder, 'bin', tool), 0o755)
    }
    for (const tool of [
      'bash',
      'cat',
      'cksum',
      'cut',
      'dirname',
      'env',
      'rm',
      'sleep',
      'sort',
      'uniq',
      'wc',
    ]) {
      symlinkSync(find(tool), path.join(folder, 'bin', tool))
    }
  }

  /** Has the stand-ins behave otherwise; see `az-stand-in.sh`. */
  set(name: string, content = ''): void {
    writeFileSync(path.join(this.state, name), content)
  }

  /** Runs a script of `infra` to its end. */
  run(script: string, args: readonly string[], environment: Record<string, string> = {}): ScriptRun {
    this.runs += 1
    const record = path.join(this.folder, `calls-${this.runs}`)
    writeFileSync(record, '')
    const env = {
      PATH: path.join(this.folder, 'bin'),
      AIB_CALLS: record,
      AIB_STATE: this.state,
      AIB_SUBSCRIPTION: SUBSCRIPTION_ID,
      AIB_TENANT: TENANT_ID,
      AIB_CLIENT: CLIENT_ID,
      AIB_DEPLOYER: DEPLOYER_ID,
      AIB_BUILDER: BUILDER_ID,
      AIB_SETUP_PAUSE: '0',
      ...environment,
    }
    const file = path.join(ROOT, 'infra', script)
    const { status, stdout, stderr } = spawnSync('bash', [file, ...args], {
      env,
      cwd: this.folder,
      encoding: 'utf8',
    })
    return { code: status, stdout, stderr, calls: readCalls(record) }
  }
}

const places = new Map<string, string>()
/** Where a tool of this machine is; it is looked for once. */
function find(tool: string): string {
  const known = places.get(tool)
  if (known !== undefined) return known
  const place = spawnSync('bash', ['-c', `type -P ${tool}`], { encoding: 'utf8' }).stdout.trim()
  places.set(tool, place)
  return place
}

function readCalls(record: string): Call[] {
  const calls = readFileSync(record, 'utf8').split('\x1e').slice(0, -1)
  return calls.map((call) => parseCall(call.split('\x1f').slice(0, -1)))
}

/** @param words of a call, beginning with the tool */
export function parseCall(words: readonly string[]): Call {
  const [tool = '', ...rest] = words
  const first = rest.findIndex((word) => word.startsWith('--'))
  const command = first < 0 ? rest : rest.slice(0, first)
  const options: Record<string, string> = {}
  const left = rest.slice(command.length)
  while (left.length > 0) {
    const name = left.shift() ?? ''
    options[name] = FLAGS.includes(name) ? '' : (left.shift() ?? '')
  }
  return { tool, command: command.join(' '), options }
}
