/**
 * As much of the Azure CLI as a test from outside needs: machines that are made from an image, asked, and taken away
 * again. A machine holds what the build left in the image, over this machine's own userland, and its scripts really run
 * where those of a build VM do. Who is signed in is not looked at; of networks, disks and sizes there is nothing.
 */
import { chmod, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { createBuildVm, type BuildVm } from '../build-vm.ts'
import type { LocalAzure } from '../index.ts'
import { regionKey } from '../world.ts'

/** What a command of the CLI ends with. */
interface Answer {
  code: number
  out: string
  error: string
}

export interface TestMachines {
  /** Folder with the program `az`, for PATH. */
  programs: string
  /** `az vm create` so far: the images, in the order in which machines were made of them. */
  tested: string[]
  close: () => Promise<void>
}

/**
 * Starts what answers `az`.
 * @param answerWhereNotRun what a script prints where no script can run, by image ID and script
 */
export async function startTestMachines(
  azure: LocalAzure,
  answerWhereNotRun: (image: string, script: string) => string,
): Promise<TestMachines> {
  const machines = new Machines(azure, answerWhereNotRun)
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => machines.carryOut(JSON.parse(body) as string[]))
      .catch((error: unknown) => ({ code: 1, out: '', error: `ERROR: ${String(error)}` }))
      .then((answer) => response.end(JSON.stringify(answer)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const programs = path.join(azure.folder, 'programs')
  await mkdir(programs, { recursive: true })
  await writeFile(path.join(programs, 'az'), clientOf(port))
  await chmod(path.join(programs, 'az'), 0o755)
  return {
    programs,
    tested: machines.tested,
    close: async () => {
      await machines.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The program `az`: hands its arguments on, and prints what comes back. */
function clientOf(port: number): string {
  return `#!${process.execPath}
const body = JSON.stringify(process.argv.slice(2))
fetch('http://127.0.0.1:${port}/', { method: 'POST', body })
  .then((response) => response.json())
  .then(({ code, out, error }) => {
    process.stdout.write(out)
    process.stderr.write(error)
    process.exitCode = code
  })
`
}

class Machines {
  readonly tested: string[] = []
  private readonly azure: LocalAzure
  private readonly answerWhereNotRun: (image: string, script: string) => string
  private readonly machines = new Map<string, { image: string; vm: BuildVm }>()

  constructor(azure: LocalAzure, answerWhereNotRun: (image: string, script: string) => string) {
    this.azure = azure
    this.answerWhereNotRun = answerWhereNotRun
  }

  async carryOut(args: string[]): Promise<Answer> {
    const { values, positionals } = parseArgs({
      args,
      strict: false,
      allowPositionals: true,
      options: OPTIONS,
    })
    const given = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
    const command = positionals.join(' ')
    const { 'resource-group': group = '', name = '' } = given
    const key = `${group}/${name}`.toLowerCase()
    switch (command) {
      case 'vm create':
        return await this.create(key, given)
      case 'vm run-command invoke':
        return await this.run(key, given)
      case 'vm delete':
        await this.machines.get(key)?.vm.close()
        this.machines.delete(key)
        return done()
      default:
        return refused('', `'${command}' is not played here.`)
    }
  }

  async close(): Promise<void> {
    for (const { vm } of this.machines.values()) await vm.close()
  }

  /** A machine takes a version that is complete in its region (words: reported). */
  private async create(key: string, { image = '', location = '', ...given }: Given): Promise<Answer> {
    const { world, folder, caFile } = this.azure
    const group = given['resource-group'] ?? ''
    const known = world.resources
      .list('Microsoft.Resources/resourceGroups')
      .some(({ name }) => name.toLowerCase() === group.toLowerCase())
    if (!known) return refused('ResourceGroupNotFound', `Resource group '${group}' could not be found.`)
    const version = world.resources.get(image)
    const regions = version ? regionsOf(version.properties) : []
    if (!regions.includes(regionKey(location))) {
      const message = `The gallery image ${image} is not available in ${location} region. Please contact image owner to replicate to this region, or change your requested region.`
      return refused('GalleryImageNotFound', message)
    }
    const own = await mkdtemp(path.join(folder, 'test-machine-'))
    const files = world.imageFileSystems.get(image.toLowerCase())
    const runs = files !== undefined
    const vm = await createBuildVm({ folder: own, caFile, shared: path.join(folder, 'machine'), runs })
    if (files !== undefined) await cp(files, vm.root, { recursive: true, verbatimSymlinks: true })
    this.machines.set(key, { image, vm })
    this.tested.push(image)
    return done()
  }

  /** Succeeds whatever becomes of the script; what it said is in one text (documented). */
  private async run(key: string, { scripts = '' }: Given): Promise<Answer> {
    const machine = this.machines.get(key)
    const [group = '', name = ''] = key.split('/')
    if (!machine) {
      const message = `The Resource 'Microsoft.Compute/virtualMachines/${name}' under resource group '${group}' was not found.`
      return refused('ResourceNotFound', message)
    }
    const said = { stdout: '', stderr: '' }
    const { vm, image } = machine
    if (!vm.runs) said.stdout = this.answerWhereNotRun(image, scripts)
    else {
      await vm.runShell([scripts], (stream, line) => {
        said[stream] += `${line}\n`
      })
    }
    return done(`Enable succeeded: \n[stdout]\n${said.stdout}\n[stderr]\n${said.stderr}\n`)
  }
}

type Given = Record<string, string>

const OPTIONS = {
  'resource-group': { type: 'string', short: 'g' },
  name: { type: 'string', short: 'n' },
  location: { type: 'string', short: 'l' },
  image: { type: 'string' },
  'command-id': { type: 'string' },
  scripts: { type: 'string' },
  query: { type: 'string' },
  output: { type: 'string', short: 'o' },
} as const

function regionsOf(properties: Record<string, unknown>): string[] {
  const { publishingProfile } = properties as { publishingProfile?: { targetRegions?: { name: string }[] } }
  return (publishingProfile?.targetRegions ?? []).map(({ name }) => regionKey(name))
}

function done(out = ''): Answer {
  return { code: 0, out, error: '' }
}

function refused(code: string, message: string): Answer {
  return {
    code: code === '' ? 2 : 1,
    out: '',
    error: `ERROR: ${code === '' ? '' : `(${code}) `}${message}\n`,
  }
}
