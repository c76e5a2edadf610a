/** What is decided of a workflow without running anything: expressions, matrices, permissions, outcomes, turns. */
import { describe, expect, test } from '@jest/globals'
import { ConcurrencyGroups, Places } from '../../local-azure/workflow/concurrency.ts'
import { evaluate, holds, JOB_CONDITION, STEP_CONDITION } from '../../local-azure/workflow/expressions.ts'
import { expandMatrix, legName } from '../../local-azure/workflow/matrix.ts'
import { combine, mergeOutputs, statusAfter, type Result } from '../../local-azure/workflow/outcomes.ts'
import { excessOf } from '../../local-azure/workflow/permissions.ts'

const VALUES = {
  github: { ref: 'refs/heads/main', event: { inputs: { dry: 'true' } } },
  inputs: { candidate: true, name: '' },
  vars: { AZURE_CLIENT_ID: 'c0a8' },
  needs: { plan: { result: 'failure', outputs: { legs: '[{"name":"a"},{"name":"b"}]' } } },
}

describe('expressions', () => {
  test.each([
    ['inputs.name || vars.azure_client_id', 'c0a8'],
    ["inputs.candidate && 'image-status=candidate' || ''", 'image-status=candidate'],
    ["startsWith('ubuntu', 'UBU')", true],
    ['fromJSON(needs.plan.outputs.legs)[1].name', 'b'],
    ['fromJSON(needs.plan.outputs.legs).*.name', ['a', 'b']],
    ['needs.*.result', ['failure']],
    ["contains(needs.*.result, 'failure')", true],
    ['needs.absent.outputs.x', null],
    ["format('{0}/{1}', github.ref, 7)", 'refs/heads/main/7'],
    ["toJSON(inputs.absent) == 'null'", true],
    ["format('it''s {0}, isn''t it', 1)", "it's 1, isn't it"],
    ["github.event.inputs['dry']", 'true'],
  ])('%s', (expression, value) => {
    expect(evaluate(expression, JOB_CONDITION, { values: VALUES })).toEqual(value)
  })

  test.each([
    ["steps.x.outputs.y == ''", JOB_CONDITION, /Unrecognized named-value: 'steps'/],
    ['secrets.TOKEN', STEP_CONDITION, /Unrecognized named-value: 'secrets'/],
    ["hashFiles('**')", STEP_CONDITION, /hashFiles\(\) is not played here/],
    ["success('plan')", JOB_CONDITION, /success\(\) of named jobs is not played here/],
    ["fromJSON('')", JOB_CONDITION, /./],
    ['nonsense(', JOB_CONDITION, /Unrecognized function: 'nonsense'/],
  ])('%s is refused', (expression, allowed, message) => {
    const status = { success: true, failure: false, cancelled: false }
    expect(() => holds(expression, allowed, { values: VALUES, status })).toThrow(message)
  })
})

describe('the status functions after', () => {
  const conditions = ['success()', 'failure()', '!cancelled()', 'cancelled()', 'always()']
  test.each<[string, Result[], boolean, string[]]>([
    ['nothing', [], false, ['success()', '!cancelled()', 'always()']],
    ['successes', ['success', 'success'], false, ['success()', '!cancelled()', 'always()']],
    ['a failure far up', ['success', 'failure'], false, ['failure()', '!cancelled()', 'always()']],
    ['a skip far up', ['success', 'skipped'], false, ['!cancelled()', 'always()']],
    ['a cancelled leg', ['cancelled'], false, ['!cancelled()', 'always()']],
    ['a cancel of the run', ['failure'], true, ['cancelled()', 'always()']],
  ])('%s', (_what, ancestors, cancelled, holding) => {
    const status = statusAfter(ancestors, cancelled)
    expect(conditions.filter((text) => holds(text, JOB_CONDITION, { values: {}, status }))).toEqual(holding)
  })
})

describe('a matrix', () => {
  test.each([
    [
      'combines',
      { a: [1, 2], b: ['x'] },
      [
        { a: 1, b: 'x' },
        { a: 2, b: 'x' },
      ],
    ],
    [
      'leaves out what is excluded',
      { a: [1, 2], b: [1, 2], exclude: [{ a: 1, b: 2 }, { a: 2 }] },
      [{ a: 1, b: 1 }],
    ],
    [
      'excludes by a part of an object',
      { a: [{ n: 1, m: 2 }, { n: 2 }], exclude: [{ a: { n: 1 } }] },
      [{ a: { n: 2 } }],
    ],
    [
      'adds what is included where it changes nothing',
      {
        fruit: ['apple', 'pear'],
        animal: ['cat'],
        include: [{ color: 'green' }, { color: 'pink', animal: 'cat' }, { fruit: 'apple', shape: 'circle' }],
      },
      [
        { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
        { fruit: 'pear', animal: 'cat', color: 'pink' },
      ],
    ],
    [
      'makes a leg of what fits nowhere',
      { a: [1], include: [{ a: 2 }, { b: 3, a: 1 }] },
      [{ a: 1, b: 3 }, { a: 2 }],
    ],
    ['consists of what is included alone', { include: [{ a: 1 }, { b: 2 }] }, [{ a: 1 }, { b: 2 }]],
  ])('%s', (_what, matrix, legs) => {
    expect(expandMatrix(matrix).map((leg) => leg.matrix)).toEqual(legs)
  })

  test.each([
    [{ leg: [] }, "Matrix vector 'leg' does not contain any values"],
    [{ leg: 'x' }, "Matrix vector 'leg' is not a sequence"],
    ['', "Unexpected value ''"],
    [{ include: [] }, 'The matrix must define at least one vector'],
    [{ a: Array.from({ length: 257 }, (_, index) => index) }, 'The matrix has 257 jobs; a run may have 256'],
  ])('%j is refused', (matrix, message) => {
    expect(() => expandMatrix(matrix)).toThrow(message)
  })

  test('names its legs by the values of their vectors, and cuts long names', () => {
    const [leg] = expandMatrix({
      leg: [{ name: 'web-eastus', tags: { a: true } }],
      include: [{ extra: 'unseen' }],
    })
    expect(legName('build', leg?.segments ?? [])).toBe('build (web-eastus, true)')
    expect(legName('build', ['x'.repeat(100)])).toBe(`build (${'x'.repeat(90)}...`)
  })
})

describe('outcomes', () => {
  test.each<[Result[], Result]>([
    [['success', 'skipped'], 'success'],
    [['success', 'cancelled'], 'cancelled'],
    [['cancelled', 'failure', 'success'], 'failure'],
    [['skipped'], 'skipped'],
    [[], 'skipped'],
  ])('%j are together %s', (results, together) => {
    expect(combine(results)).toBe(together)
  })

  test('outputs of legs: the last that ends wins, empty ones count for nothing', () => {
    const legs = [
      { result: 'success' as const, outputs: { a: '1', b: '1' } },
      { result: 'failure' as const, outputs: { a: '2', b: '' } },
    ]
    expect(mergeOutputs(legs, false)).toEqual({ a: '2', b: '1' })
    expect(mergeOutputs(legs, true)).toEqual({ a: '1', b: '1' })
  })
})

test.each([
  [{ contents: 'read' }, { contents: 'write' }, undefined],
  [{}, {}, undefined],
  [
    { 'id-token': 'write' },
    { contents: 'read' },
    { requested: 'id-token: write', allowed: 'id-token: none' },
  ],
  [
    { contents: 'write', attestations: 'write' },
    { contents: 'read' },
    { requested: 'contents: write, attestations: write', allowed: 'contents: read, attestations: none' },
  ],
])('%j of %j', (requested, allowed, excess) => {
  expect(excessOf(requested, allowed)).toEqual(excess)
})

describe('turns', () => {
  const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  test('no more at once than there are places, in the order in which they came', async () => {
    const places = new Places(2)
    const running: string[] = []
    const most: number[] = []
    const work = (name: string) => async (): Promise<void> => {
      running.push(name)
      most.push(running.length)
      await tick()
      running.splice(running.indexOf(name), 1)
    }
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => places.hold(work(name))))
    expect(Math.max(...most)).toBe(2)
  })

  test.each([
    ['single', false, ['a runs', 'b is cancelled', 'c runs']],
    ['max', false, ['a runs', 'b runs', 'c runs']],
    ['single', true, ['a is told to end', 'a is told to end', 'a runs', 'b is cancelled', 'c runs']],
  ] as const)('a group with the queue %s, cancel-in-progress %s', async (queue, cancelInProgress, story) => {
    const groups = new ConcurrencyGroups()
    const told: string[] = []
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const job = async (name: string, group: string): Promise<void> => {
      const goes = await groups.enter({ group, queue, cancelInProgress }, () =>
        told.push(`${name} is told to end`),
      )
      told.push(`${name} ${goes ? 'runs' : 'is cancelled'}`)
      if (!goes) return
      await held
      groups.leave(group)
    }
    const jobs = [job('a', 'Image'), job('b', 'image'), job('c', 'IMAGE')]
    await tick()
    release()
    await Promise.all(jobs)
    expect(told).toEqual(story)
  })
})
