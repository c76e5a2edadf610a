/**
 * Logs named `guide-*` are the samples of Image Builder's troubleshooting guide, word for word; the others are made in
 * the forms that the guide and users' logs have.
 */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PackerLog, type LogEvent, type LogReading, type Provisioner } from '../../src/packer-log.ts'

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'logs')
const SAMPLES = readdirSync(folder).map((name) => name.replace('.log', ''))
const sample = (name: string): string[] =>
  readFileSync(path.join(folder, `${name}.log`), 'utf8')
    .split(/\r?\n/)
    .slice(0, -1)

const OLD = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
const NEW = '[2b8e1f3c-5d00-4c1a-9a60-0123456789ab] PACKER'
const AT = '2023/09/14 19:01:18'
const starts = (type: string, at = AT): string =>
  `${NEW} ${at} [INFO] (telemetry) Starting provisioner ${type}`
const ends = (type: string, at = AT): string => `${NEW} ${at} [INFO] (telemetry) ending ${type}`
const finalizing = `${NEW} ${AT} [INFO] (telemetry) Finalizing.`
const exited = (code: number): string => `${NEW} ${AT} [INFO] RPC client: Communicator ended with: ${code}`
const hadErrors = `${NEW} ==> azure-arm: Provisioning step had errors: Running the cleanup provisioner, if present...`
const errored = (reason: string): string =>
  `${NEW} ${AT} ui error: Build 'azure-arm' errored after 9 minutes: ${reason}`
const finished = `${NEW} Build 'azure-arm' finished after 3 minutes 13 seconds.`
const out = (text: string): string => `${NEW}     azure-arm: ${text}`
const err = (text: string): string => `${NEW} ==> azure-arm: ${text}`
const exitStatus = (code: number): string =>
  `Script exited with non-zero exit status: ${code}. Allowed exit codes are: [0]`

interface Told {
  events: LogEvent[]
  reading: LogReading
}

function read(lines: readonly string[], watched: readonly RegExp[] = []): Told {
  const log = new PackerLog(watched)
  const events = lines.flatMap((line) => log.take(line))
  return { events, reading: log.reading }
}

const shown = ({ events }: Told): string[] =>
  events.flatMap((event) => (event.kind === 'line' ? [event.text] : []))
const course = ({ events }: Told): string[] =>
  events.flatMap((event) =>
    event.kind === 'line' ? [] : [`${event.kind} ${event.provisioner.number} ${event.provisioner.type}`],
  )
const brief = (one?: Provisioner): string | undefined =>
  one && `${one.number} ${one.type}${one.exitCode === undefined ? '' : ` ${one.exitCode}`}`

describe('samples', () => {
  interface Row {
    provisioners: string[]
    failed?: string
    running?: string
    reason?: string
    last: string
  }
  test.each<[string, Row]>([
    [
      'good-linux-since-2023',
      {
        provisioners: ['1 file', '2 shell 0', '3 shell 0', '4 shell 0'],
        last: '==> Wait completed after 3 minutes 13 seconds',
      },
    ],
    [
      'good-windows-until-2022',
      {
        provisioners: ['1 windows-update 0', '2 windows-restart 0', '3 powershell 0', '4 powershell 0'],
        last: "Build 'azure-arm' finished.",
      },
    ],
    [
      'failing-script-since-2023',
      {
        provisioners: ['1 file', '2 shell 0', '3 shell 100'],
        failed: '3 shell 100',
        reason: exitStatus(100),
        last: `==> ${exitStatus(100)}`,
      },
    ],
    [
      'failing-script-until-2022',
      {
        provisioners: ['1 windows-update 0', '2 windows-restart 0', '3 powershell 1'],
        failed: '3 powershell 1',
        reason: exitStatus(1),
        last: `==> ${exitStatus(1)}`,
      },
    ],
    [
      'guide-windows-update-exhausts-vm',
      { provisioners: [], reason: 'unexpected EOF', last: "Build 'azure-arm' errored: unexpected EOF" },
    ],
    [
      'guide-resources-not-created-in-time',
      {
        provisioners: [],
        reason:
          'Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded',
        last: '==> Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded',
      },
    ],
    ['guide-sysprep-races-agent', { provisioners: [], last: 'Cancelling build after receiving terminated' }],
    ['guide-connection-lost', { provisioners: [], last: '..' }],
    [
      'guide-telemetry',
      { provisioners: ['1 windows-update', '2 powershell', '3 file', '4 windows-restart'], last: '' },
    ],
    ['guide-deprovisioning', { provisioners: ['1 powershell'], running: '1 powershell', last: '' }],
    ['guide-deployment', { provisioners: [], last: '..' }],
    ['guide-winrm', { provisioners: [], last: 'WinRM connected.' }],
    ['guide-ssh', { provisioners: [], last: '==> Connected to SSH!' }],
    ['guide-slow-file', { provisioners: [], last: 'myBigFile.zip 826000 B / 826000 B  100.00%' }],
    ['guide-cleanup', { provisioners: [], last: '' }],
  ])('%s', (name, { provisioners, failed, running, reason = '', last }) => {
    const { reading } = read(sample(name))
    expect(reading.provisioners.map(brief)).toEqual(provisioners)
    expect(brief(reading.failed)).toBe(failed)
    expect(brief(reading.running)).toBe(running)
    expect(reading.reason).toBe(reason)
    expect(reading.tail.at(-1) ?? '').toBe(last)
    expect(reading.lines).toBe(sample(name).length)
  })

  // The guide shows pieces; behind the beginning of its provisioner each tells which one failed.
  test.each<[string, string, string]>([
    ['guide-windows-update-exhausts-vm', 'windows-update', '1 windows-update 1115'],
    ['guide-sysprep-races-agent', 'powershell', '1 powershell'],
    ['guide-connection-lost', 'shell', '1 shell 2300218'],
  ])('%s, with the beginning of its provisioner', (name, type, failed) => {
    const { reading } = read([starts(type), ...sample(name)])
    expect(brief(reading.failed)).toBe(failed)
  })

  test.each(SAMPLES)('%s, with Windows line breaks', (name) => {
    expect(read(sample(name).map((line) => `${line}\r`))).toEqual(read(sample(name)))
  })

  test.each(SAMPLES)('%s, looked at in between', (name) => {
    const log = new PackerLog()
    const events = sample(name).flatMap((line) => {
      const told = log.take(line)
      expect(log.reading.tail.length).toBeLessThanOrEqual(40)
      return told
    })
    expect({ events, reading: log.reading }).toEqual(read(sample(name)))
  })

  test.each(SAMPLES)('%s, cut at any byte in front and behind, is read as far as it goes', (name) => {
    const text = sample(name).join('\n')
    const cut = fc.tuple(fc.nat(text.length), fc.nat(text.length))
    fc.assert(
      fc.property(cut, ([from, to]) => {
        const lines = text.slice(from, to).split('\n')
        const { reading } = read(lines, [/E: (?<what>.*)/])
        expect(reading.lines).toBe(lines.length)
        expect(reading.provisioners.map(({ number }) => number)).toEqual(
          reading.provisioners.map((_, i) => i + 1),
        )
      }),
      { numRuns: 40 },
    )
  })
})

test('a good build as a reader sees it: groups, lines, no details and no doubles', () => {
  const told = read(sample('good-linux-since-2023'))
  expect(course(told)).toEqual([
    ...['starts 1 file', 'ends 1 file', 'starts 2 shell', 'ends 2 shell'],
    ...['starts 3 shell', 'ends 3 shell', 'starts 4 shell', 'ends 4 shell'],
  ])
  expect(shown(told)).toEqual([
    '==> Running builder ...',
    '==> Deploying deployment template ...',
    '==> Waiting for SSH to become available...',
    '==> Connected to SSH!',
    '==> Uploading /tmp/customizer.0.fp => /tmp/webapp.tar.gz',
    'webapp.tar.gz 826000 B / 826000 B  100.00%',
    '==> Provisioning with shell script: /tmp/packer-shell1234567',
    'unpacking',
    'done',
    '==> Provisioning with shell script: /tmp/packer-shell1234567',
    'Reading package lists...',
    'Reading package lists...',
    '==> debconf: delaying package configuration',
    'nginx is ready',
    '==> Provisioning with shell script: /tmp/packer-shell1234567',
    '/usr/sbin/waagent -force -deprovision+user && export HISTSIZE=0 && sync',
    'WARNING! The waagent service will be stopped.',
    '==> Powering off machine ...',
    '==> Deleting individual resources ...',
    "Build 'azure-arm' finished after 3 minutes 13 seconds.",
    '==> Wait completed after 3 minutes 13 seconds',
  ])
})

describe('times', () => {
  test('are those of the log, in UTC', () => {
    const [first] = read([starts('shell', '2023/09/14 23:59:58'), ends('shell', '2023/09/15 00:00:03')])
      .reading.provisioners
    expect(first?.startedAt).toBe(Date.parse('2023-09-14T23:59:58Z'))
    expect(first?.endedAt).toBe(Date.parse('2023-09-15T00:00:03Z'))
  })

  test('are absent where the log has none', () => {
    const [first] = read(['(telemetry) Starting provisioner shell', '(telemetry) ending shell']).reading
      .provisioners
    expect(first).toEqual({ number: 1, type: 'shell', tail: [] })
  })
})

describe('beginnings and ends', () => {
  const everywhere = (line: string): string[] => [
    line.replace(NEW, `${OLD} ERR`),
    line.replace(NEW, `${OLD} OUT`),
  ]
  test.each<[string, string[], string[]]>([
    [
      'two alike in a row',
      [starts('shell'), ends('shell'), starts('shell')],
      ['starts 1 shell', 'ends 1 shell', 'starts 2 shell'],
    ],
    [
      'on both streams',
      [starts('shell'), ends('shell'), starts('shell'), ends('shell')].flatMap(everywhere),
      ['starts 1 shell', 'ends 1 shell', 'starts 2 shell', 'ends 2 shell'],
    ],
    [
      'on both streams, one behind',
      [
        ...[starts('shell'), ends('shell'), starts('file')].map((line) => everywhere(line)[0] ?? ''),
        ...[starts('shell'), ends('shell'), starts('file')].map((line) => everywhere(line)[1] ?? ''),
      ],
      ['starts 1 shell', 'ends 1 shell', 'starts 2 file'],
    ],
    [
      'an end is missing',
      [starts('file'), starts('shell')],
      ['starts 1 file', 'ends 1 file', 'starts 2 shell'],
    ],
    ['the last end is missing', [starts('file'), finalizing], ['starts 1 file', 'ends 1 file']],
    ['the builder ends', [starts('file'), ends('azure-arm')], ['starts 1 file']],
    ['an end alone', [ends('shell')], []],
    [
      'a script says it on both streams',
      [out('(telemetry) Starting provisioner shell'), err('[INFO] (telemetry) ending shell')],
      [],
    ],
    ['a script says it in full', [out(`${AT} [INFO] (telemetry) Starting provisioner shell`)], []],
    [
      'a plugin repeats a script',
      [`${NEW} ${AT} packer-provisioner-powershell plugin: [INFO] (telemetry) Starting provisioner shell`],
      [],
    ],
    [
      'as a script of the older format',
      [`${OLD} OUT ==> azure-arm: (telemetry) Starting provisioner file`],
      [],
    ],
  ])('%s', (_, lines, expected) => {
    expect(course(read(lines))).toEqual(expected)
  })
})

describe('the one that failed', () => {
  const reason = "Build 'azure-arm' errored"
  test.each<[string, string[], string | undefined]>([
    [
      'has ended before Packer says so',
      [
        starts('file'),
        ends('file'),
        starts('shell'),
        exited(2),
        ends('shell'),
        hadErrors,
        errored(exitStatus(2)),
      ],
      '2 shell 2',
    ],
    ['ends after Packer says so', [starts('shell'), hadErrors, ends('shell'), errored('x')], '1 shell'],
    [
      'is followed by the cleanup provisioner',
      [
        starts('file'),
        hadErrors,
        ends('file'),
        starts('shell'),
        exited(0),
        ends('shell'),
        errored('scp: /root/x: Permission denied'),
      ],
      '1 file',
    ],
    [
      'has what Packer says last as its exit code',
      [starts('shell'), exited(7), hadErrors, ends('shell'), exited(0), errored(exitStatus(7)), exited(0)],
      '1 shell 7',
    ],
    [
      'ended badly, and older versions say no more',
      [starts('shell'), exited(3), ends('shell'), errored('x')],
      '1 shell 3',
    ],
    [
      'is under way when Packer breaks',
      [starts('shell'), exited(0), ends('shell'), starts('windows-update'), errored('unexpected EOF')],
      '2 windows-update',
    ],
    [
      'is under way when time runs out',
      [starts('shell'), `${NEW} Cancelling build after receiving terminated`, ends('shell'), finalizing],
      '1 shell',
    ],
    [
      'has just ended when time runs out',
      [starts('shell'), ends('shell'), `${NEW} Cancelling build after receiving terminated`, finalizing],
      '1 shell',
    ],
    ['is under way when all is over', [starts('shell'), finalizing], '1 shell'],
    ['is under way while the log grows: none yet', [starts('shell'), exited(1)], undefined],
    [
      'none: the build is finished',
      [starts('shell'), exited(0), ends('shell'), finished, finalizing],
      undefined,
    ],
    [
      'none: the build is finished, and an end is missing',
      [starts('shell'), finished, finalizing],
      undefined,
    ],
    [
      'none: nothing had started',
      [errored('Future#WaitForCompletion: context has been cancelled'), finalizing],
      undefined,
    ],
    [
      'none: all had ended well',
      [starts('shell'), exited(0), ends('shell'), errored('capturing failed'), finalizing],
      undefined,
    ],
    [
      'none: cancelled when all had ended well',
      [
        starts('shell'),
        exited(0),
        ends('shell'),
        `${NEW} Cancelling build after receiving terminated`,
        finalizing,
      ],
      undefined,
    ],
    [
      'none: Packer goes on cancelling after its last word',
      [
        starts('shell'),
        exited(0),
        ends('shell'),
        errored('x'),
        `${NEW} ${AT} Cancelling builder after context cancellation context canceled`,
      ],
      undefined,
    ],
    [
      'none: a script tells of failures',
      [
        starts('shell'),
        out(`${reason}: a`),
        err(`${reason}: b`),
        err('Cancelling build after receiving terminated'),
        exited(0),
        ends('shell'),
        finished,
      ],
      undefined,
    ],
    [
      'not the one that says what Packer says',
      [
        starts('shell'),
        hadErrors,
        exited(0),
        ends('shell'),
        starts('shell'),
        ends('shell'),
        starts('file'),
        errored('unexpected EOF'),
      ],
      '3 file',
    ],
    [
      'not the one that says it before another fails',
      [
        starts('shell'),
        hadErrors,
        exited(0),
        ends('shell'),
        starts('shell'),
        exited(9),
        ends('shell'),
        hadErrors,
        errored(exitStatus(9)),
      ],
      '2 shell 9',
    ],
    [
      'of the validation behind a good build',
      [
        starts('shell'),
        exited(0),
        ends('shell'),
        finished,
        finalizing,
        starts('shell'),
        exited(4),
        ends('shell'),
        hadErrors,
        errored(exitStatus(4)),
        finalizing,
      ],
      '2 shell 4',
    ],
    ['of the validation, that runs', [starts('shell'), finalizing, starts('shell')], undefined],
    [
      'none: Packer cancels what is left after its last word',
      [
        ...[starts('shell'), ends('shell'), errored('x')],
        `${NEW} ${AT} Cancelling builder after context cancellation context canceled`,
      ],
      undefined,
    ],
    [
      'of the validation, not of the build',
      [starts('shell'), finalizing, starts('shell'), exited(0), ends('shell'), finished, finalizing],
      undefined,
    ],
  ])('%s', (_, lines, failed) => {
    expect(brief(read(lines).reading.failed)).toBe(failed)
  })
})

describe('Packer’s last word', () => {
  test.each<[string, string[], string]>([
    ['since 2023', [errored('unexpected EOF')], 'unexpected EOF'],
    ['until 2022', [`${OLD} OUT Build 'azure-arm' errored: unexpected EOF`], 'unexpected EOF'],
    [
      'with colons',
      [errored('Future#Wait: StatusCode=200 -- Error: x')],
      'Future#Wait: StatusCode=200 -- Error: x',
    ],
    [
      'over two lines',
      [errored('1 error(s) occurred:'), `${NEW} `, `${NEW} * upload failed`, `${NEW} * again`],
      '1 error(s) occurred: * upload failed',
    ],
    [
      'of a script',
      [
        out("Build 'azure-arm' errored: x"),
        err("Build 'azure-arm' errored: x"),
        `${NEW} ${AT} ui: ${out("Build 'azure-arm' errored: x").slice(NEW.length + 1)}`,
      ],
      '',
    ],
    ['of a good build', [finished], ''],
  ])('%s', (_, lines, reason) => {
    expect(read(lines).reading.reason).toBe(reason)
  })
})

describe('exit codes', () => {
  const command = "command 'echo exited with code: 5; ./run.ps1' exited with code: 16001"
  test.each<[string, string, number | undefined]>([
    [
      'of Windows',
      `${NEW} ${AT} packer-plugin-azure_v2.0.0_x5.0_linux_amd64 plugin: [INFO] ${command}`,
      16001,
    ],
    ['of Windows, until 2022', `${OLD} ERR ${AT} packer: ${AT} [INFO] ${command}`, 16001],
    ['below zero', `${NEW} ${AT} packer: [INFO] command 'x' exited with code: -1`, -1],
    [
      'of Linux',
      `${NEW} ${AT} packer-plugin-azure plugin: [ERROR] Remote command exited with '127': ./x`,
      127,
    ],
    [
      'of the communicator',
      `${OLD} ERR ${AT} [INFO] RPC endpoint: Communicator ended with: 2300218`,
      2300218,
    ],
    ['that a script prints', out("[INFO] command 'x' exited with code: 3"), undefined],
    [
      'that a script prints in full',
      err(`${AT} packer: [INFO] RPC client: Communicator ended with: 3`),
      undefined,
    ],
  ])('%s', (_, line, code) => {
    expect(read([line, starts('shell'), line]).reading.provisioners[0]?.exitCode).toBe(code)
  })
})

describe('tails', () => {
  test('have the last 40 lines, without headlines and what Packer does afterwards', () => {
    const lines = Array.from({ length: 100 }, (_, i) => out(`line ${i}`))
    const after = [hadErrors, ends('shell'), err('Deleting individual resources ...'), errored('x')]
    const { reading } = read([
      starts('shell'),
      err('Provisioning with shell script: /tmp/x'),
      ...lines,
      ...after,
    ])
    expect(reading.failed?.tail).toEqual(Array.from({ length: 40 }, (_, i) => `line ${i + 60}`))
    expect(reading.tail.at(-1)).toBe("Build 'azure-arm' errored after 9 minutes: x")
  })

  test('a headline with a script’s last line before it, as streams lag', () => {
    const lines = sample('good-windows-until-2022')
    const { provisioners } = read(lines).reading
    expect(provisioners[2]?.tail).toEqual(['installing IIS', 'installed', 'IIS is ready'])
    expect(provisioners[3]?.tail[0]).toBe('>>> Waiting for GA Service (RdAgent) to start ...')
  })

  test('until 2022, errors of a script are behind an arrow', () => {
    expect(read(sample('failing-script-until-2022')).reading.failed?.tail.slice(0, 3)).toEqual([
      'installing IIS',
      "==> Install-WindowsFeature : ArgumentNotValid: The role, role service, or feature name is not valid: 'Web-Sever'.",
      '==> At line:3 char:1',
    ])
  })

  test('are kept of the last ten provisioners', () => {
    const lines = Array.from({ length: 12 }, (_, i) => [starts('shell'), out(`line ${i}`), ends('shell')])
    const tails = read(lines.flat()).reading.provisioners.map(({ tail }) => tail)
    expect(tails).toEqual([[], [], ...Array.from({ length: 10 }, (_, i) => [`line ${i + 2}`])])
  })

  test('a long line is cut', () => {
    const told = read([starts('shell'), out('x'.repeat(1_000_000))])
    expect(shown(told)[0]).toBe(`${'x'.repeat(8191)}…`)
    expect(read([out(`${'x'.repeat(8190)}😀😀`)]).reading.tail[0]?.isWellFormed()).toBe(true)
  })
})

describe('watched patterns', () => {
  const code = /exited with code: (?<code>\d+)(?<rest> never)?/g

  test('are counted; the last place is kept', () => {
    const line = (n: number): string => `${NEW} ${AT} packer: [INFO] command 'x' exited with code: ${n}`
    const lines = [line(0), line(1), starts('shell'), ends('shell'), starts('file'), line(2), 'x']
    const { seen } = read(lines, [code, /never seen/]).reading
    const sighting = { times: 3, line: line(2), at: 6, provisioner: 2, groups: { code: '2' } }
    expect([...seen]).toEqual([[code, sighting]])
  })

  test('see the raw line without its line break', () => {
    const whole = /^\[45f485cf-.*errored: unexpected EOF$/
    const lines = sample('guide-windows-update-exhausts-vm').map((line) => `${line}\r`)
    expect(read(lines, [whole]).reading.seen.get(whole)).toMatchObject({
      times: 1,
      at: 40,
      provisioner: 0,
      groups: {},
    })
  })
})

describe('a long log', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = (): number => {
    collect()
    return process.memoryUsage().heapUsed + process.memoryUsage().external
  }
  const text = (i: number): string =>
    `    azure-arm: Get:${i} http://azure.archive.ubuntu.com/ubuntu jammy/main package${i}`
  test.each<[string, number, (i: number) => string[]]>([
    [
      '20 MB of a script’s lines, each twice',
      20,
      (i) => [`${NEW} ${AT} ui: ${text(i)}`, `${NEW} ${text(i)}`],
    ],
    [
      '10 MB of parts of large pieces',
      10,
      (i) => [`${NEW} ${text(i)} \n`, `${out('waiting '.repeat(8))}\n`.repeat(5000)].join('').split('\n'),
    ],
    ['10 MB of provisioners', 10, (i) => [starts(`type-${i}`), out(`line ${i}`), ends(`type-${i}`)]],
    ['10 MB in long lines', 10, (i) => [out(`${i} ${'wide ≠ '.repeat(20_000)}`)]],
  ])(
    '%s, in bounded memory',
    (_, megabytes, lines) => {
      const log = new PackerLog([/E: (?<what>.*)/, /azure-arm: Get:(?<number>\d+)/])
      const before = heap()
      let [bytes, count] = [0, 0]
      for (let i = 0; bytes < megabytes * 1_000_000; i += 1) {
        if (i === 0) log.take(starts('shell'))
        for (const line of lines(i)) {
          log.take(line)
          bytes += line.length + 1
          count += 1
        }
      }
      expect(log.reading.lines).toBe(count + 1)
      expect(heap() - before).toBeLessThan(15_000_000)
      expect(log.reading.provisioners.length).toBeLessThanOrEqual(1000)
    },
    60_000,
  )
})
