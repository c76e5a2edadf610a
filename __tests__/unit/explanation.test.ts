import { describe, expect, test } from '@jest/globals'
import { LOG_MARKS } from '../../src/diagnosis.ts'
import {
  ArtifactError,
  AzureError,
  BuildFailedError,
  CancelledError,
  InputError,
  SignInError,
} from '../../src/errors.ts'
import { annotation, explain, told } from '../../src/explanation.ts'
import { PackerLog } from '../../src/packer-log.ts'
import { emptyReport, type BuildReport } from '../../src/report.ts'

const P = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
const AT = '2023/09/14 19:01:18'
const starts = (type: string): string => `${P} ${AT} [INFO] (telemetry) Starting provisioner ${type}`
const ends = (type: string): string => `${P} ${AT} [INFO] (telemetry) ending ${type}`
const out = (text: string): string => `${P}     azure-arm: ${text}`
const err = (text: string): string => `${P} ==> azure-arm: ${text}`
const errored = (reason: string): string =>
  `${P} ${AT} ui error: Build 'azure-arm' errored after 3 minutes: ${reason}`
const exited = (code: number): string =>
  errored(`Script exited with non-zero exit status: ${code}. Allowed exit codes are: [0]`)

const RUN_FAILED =
  'The run of image template t_1 ended with Failed: During the image build a failure has occurred. Packer build logs are at location /x/storageAccounts/abc/blobServices/default/containers/packerlogs/1a/customization.log.'

function report(log: string[], more: Partial<BuildReport> = {}): BuildReport {
  const packer = new PackerLog(LOG_MARKS)
  for (const line of log) packer.take(line)
  return {
    ...emptyReport(),
    steps: [
      { type: 'File', name: 'aib-action: copy the build artifact' },
      { type: 'Shell', name: 'aib-action: inline script' },
    ],
    scripts: { 'inline-script': ['echo one', '  ls /no/such/folder', 'echo three'] },
    reading: packer.reading,
    ...more,
  }
}

const FAILED_SCRIPT = [
  starts('file'),
  ends('file'),
  starts('shell'),
  err('Provisioning with shell script: /tmp/packer-shell1'),
  out('one'),
  err("ls: cannot access '/no/such/folder': No such file or directory"),
  err('aib-action: inline-script, line 2: exit code 2'),
  err('Provisioning step had errors: Running the cleanup provisioner, if present...'),
  ends('shell'),
  exited(2),
]

describe('a build that failed', () => {
  test('in a script: which customizer, exit code, line, command and output come first', () => {
    const explanation = explain(
      new BuildFailedError(`${RUN_FAILED}\nCustomization log: there`),
      report(FAILED_SCRIPT),
    )
    expect(explanation).toMatchObject({
      id: 'customizer-failed',
      headline:
        'Customizer 2 of 2: aib-action: inline script (shell) failed with exit code 2 at line 2 of inline-script: ls /no/such/folder',
      script: { input: 'inline-script', line: 2 },
      facts: [RUN_FAILED, 'Customization log: there'],
    })
    const lines = annotation(explanation).split('\n')
    expect(lines.slice(0, 3)).toEqual([
      explanation.headline,
      '    one',
      "    ==> ls: cannot access '/no/such/folder': No such file or directory",
    ])
    expect(lines[3]).toBe(`Cause: ${explanation.cause}`)
    expect(lines).toContain(`See: ${explanation.link} (failure-code: customizer-failed)`)
    expect(lines.slice(-2)).toEqual(explanation.facts)
  })

  test('for a reason that is not a script’s: its name', () => {
    const { headline, details, id } = explain(
      new BuildFailedError(RUN_FAILED),
      report([errored('Timeout waiting for SSH.')]),
    )
    expect({ headline, details, id }).toEqual({
      headline: 'Image Builder could not reach the build VM.',
      details: [],
      id: 'build-vm-unreachable',
    })
  })

  test('for lack of time: what was under way, and its last words', () => {
    const error = new BuildFailedError(
      "The run of image template t_1 ended with Failed: Timeout waiting for microservice to complete: 'context deadline exceeded'",
    )
    const log = [starts('file'), ends('file'), starts('shell'), out('Do you want to continue? [Y/n]')]
    const { headline, details, id } = explain(error, report(log))
    expect({ headline, details, id }).toEqual({
      headline:
        'Customizer 2 of 2: aib-action: inline script (shell) was still under way when the build ended',
      details: ['Do you want to continue? [Y/n]'],
      id: 'build-timeout',
    })
  })

  test('in a validator: its log has other steps', () => {
    const message = RUN_FAILED.replace('customization.log', 'validation.log')
    const log = [starts('shell'), out('unhealthy'), exited(1)]
    const validators = [{ type: 'Shell', name: 'aib-action: validation script' }]
    const explanation = explain(new BuildFailedError(message), report(log, { validators }))
    expect(explanation.headline).toBe(
      'Validator 1 of 1: aib-action: validation script (shell) failed with exit code 1',
    )
    expect(explanation.validating).toBe(true)
    expect(explain(new BuildFailedError(RUN_FAILED), report(log)).validating).toBe(false)
  })

  test('without a log: Azure’s words are what there is', () => {
    const { headline, facts } = explain(new BuildFailedError('Nobody knows.'), emptyReport())
    expect({ headline, facts }).toEqual({ headline: 'Nobody knows.', facts: [] })
  })

  test('nobody knows why: the end of the log, and what Azure’s support asks for', () => {
    const support = { operationId: 'op-1', correlationId: 'co-2' }
    const lines = Array.from({ length: 30 }, (_, i) => out(`line ${i}`))
    const explanation = explain(new BuildFailedError('Nobody knows.'), report(lines, { support }))
    expect(explanation).toMatchObject({ id: 'unknown', cause: '', advice: [], headline: 'Nobody knows.' })
    expect(explanation.details).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 10}`))
    expect(explanation.facts).toEqual(["For Azure's support: operation op-1, correlation co-2"])
  })

  test('after an image was made: which one, as it may be usable', () => {
    const images = { SharedImage_distribute: '/x/versions/1.2.3' }
    const message =
      'The run of image template t_1 ended with Failed: Failed in distributing 1 images out of total 1: {[Error 0] Future#WaitForCompletion: context has been cancelled: context deadline exceeded}'
    const explanation = explain(new BuildFailedError(message), { ...emptyReport(), images })
    expect(explanation.id).toBe('replication-timeout')
    expect(annotation(explanation)).toContain("--url '/x/versions/1.2.3?api-version=")
    expect(explanation.facts).toContain(
      'Image made all the same, by SharedImage_distribute; it may be usable: /x/versions/1.2.3',
    )
  })
})

describe('a failure before the build', () => {
  test('mistakes in the inputs say all by themselves', () => {
    const error = new InputError([{ input: 'location', message: 'is wrong.' }])
    const explanation = explain(error, emptyReport())
    expect(annotation(explanation)).toBe(error.message)
    expect(explanation).toMatchObject({ id: 'invalid-input', cause: '', link: '' })
  })

  test.each<[string, Error, string]>([
    ['a file that changed', new ArtifactError("'a' changed while it was packed."), 'artifact-changed'],
    ['a cancel', new CancelledError(), 'cancelled'],
  ])('%s has its cause and what to do', (_, error, id) => {
    expect(told(error)).toMatch(
      new RegExp(`^${error.message}\\nCause: [^]+\\nWhat to do: [^]+failure-code: ${id}\\)$`),
    )
  })

  test('a refusal of Azure has its cause and what to do behind its words', () => {
    const error = new AzureError({
      doing: 'submitting image template t_1',
      status: 403,
      code: 'AuthorizationFailed',
      message:
        "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.VirtualMachineImages/imageTemplates/write' over scope '/subscriptions/s' or the scope is invalid.",
      requestId: 'r',
    })
    const [first, ...rest] = told(error).split('\n')
    expect(first).toBe(error.message)
    expect(rest.find((line) => line.startsWith('Cause: '))).toBeDefined()
    expect(rest.join('\n')).toContain('Microsoft.VirtualMachineImages/imageTemplates/write')
    expect(rest.at(-1)).toMatch(/^See: https:\/\/\S+ \(failure-code: missing-permission\)$/)
  })

  test('a refused sign-in, too', () => {
    expect(told(new SignInError('Entra ID refused the sign-in: AADSTS700213: No matching'))).toMatch(
      /^Entra ID refused the sign-in: AADSTS700213: No matching\nCause: [\s\S]+\nWhat to do: [\s\S]+failure-code: sign-in-subject-mismatch\)$/,
    )
  })

  test('a defect is told as it is', () => {
    expect(told(new TypeError('x is not a function'))).toBe('x is not a function')
  })
})
