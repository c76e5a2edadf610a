/** Scripts whose lines are named do what they did before, in every shell that `/bin/sh` may be. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { namingLines } from '../../src/shell-script.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'aib-shell-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const COMMANDS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']]
const SHELLS = (isDash('sh') ? COMMANDS.slice(1) : COMMANDS).map((command) => {
  const [program = '', ...options] = command
  const there = process.platform !== 'win32' && spawnSync(program, [...options, '-c', ':']).status === 0
  return { shell: command.join(' '), command, there }
})

/** Whether a shell is nothing but another name for `dash`, as on Debian and Ubuntu. */
function isDash(shell: string): boolean {
  const [found, dash] = [shell, 'dash'].map((name) => {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
    return stdout ? realpathSync(stdout.trim()) : undefined
  })
  return found !== undefined && found === dash
}

interface End {
  code: number | null
  stdout: string
  stderr: string
  /** Names and contents. */
  files: Record<string, string>
}

/** Runs lines as Packer does: one file with `#!/bin/sh -e` in front. */
function run(lines: string[], [program = '', ...options]: string[]): End {
  const cwd = mkdtempSync(path.join(folder, 'run-'))
  writeFileSync(path.join(cwd, 'script'), ['#!/bin/sh -e', ...lines, ''].join('\n'))
  const { status, stdout, stderr } = spawnSync(program, [...options, '-e', 'script'], {
    cwd,
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
    input: '',
    timeout: 20_000,
  })
  const names = readdirSync(cwd).filter((name) => name !== 'script')
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(path.join(cwd, name), 'utf8')]))
  rmSync(cwd, { recursive: true })
  return { code: status, stdout, stderr, files }
}

const TOLD = /^aib-action: inline-script, line (\d+): exit code (\d+)\n/gm

/** What a shell's own messages say of lines counts the marks, too. */
const withoutLines = (stderr: string): string => stderr.replaceAll(/(script: (?:line )?)\d+:/g, '$1:')

/** Runs a script with and without marks, sees that both do the same, and gives the line that is named. */
function namedLine(script: string[], command: string[]): number | undefined {
  const plain = run(script, command)
  const named = run(namingLines(script, 'inline-script'), command)
  const told = [...named.stderr.matchAll(TOLD)]
  const silent = { ...named, stderr: withoutLines(named.stderr.replaceAll(TOLD, '')) }
  expect(silent).toEqual({ ...plain, stderr: withoutLines(plain.stderr) })
  expect(told.map(([, , code]) => Number(code))).toEqual(told.length === 0 ? [] : [plain.code])
  return told[0] === undefined ? undefined : Number(told[0][1])
}

/** Scripts, the line that is named, and which of those that begin statements are not marked. */
const SCRIPTS: [name: string, script: string, line: number | undefined][] = [
  ['nothing fails', 'echo a\necho b', undefined],
  ['one line', 'exit 3', 1],
  ['in the middle', 'echo a\n\n# comment\nls /no/such/folder\necho never', 4],
  ['an exit code of its own', 'echo a\nexit 42\necho b', 2],
  ['a good exit', 'echo a\nexit 0\nfalse', undefined],
  ['exit without a number', '(exit 4) || exit\necho no', 1],
  ['a condition that is false', 'if false; then\n  echo no\nelse\n  echo yes\nfi\nfalse', 6],
  ['inside if', 'if true; then\n  echo a\n  false\nfi', 3],
  ['inside elif', 'if false; then\n  :\nelif true; then\n  (exit 9)\nfi', 4],
  ['inside else', 'if false\nthen\n  echo a\nelse\n  false\nfi', 5],
  ['the status in a branch', 'if (exit 5); then\n  :\nelse\n  echo "$?"\nfi', undefined],
  ['inside for', 'for i in 1 2 3; do\n  echo $i\n  [ $i != 2 ]\ndone', 3],
  [
    'inside while that reads',
    'while read -r x; do\n  echo "$x"\n  test "$x" != b\ndone <<\'E\'\na\nb\nc\nE',
    3,
  ],
  ['inside until', 'n=0\nuntil [ $n = 3 ]; do\n  n=$((n + 1))\n  test $n != 2\ndone', 4],
  [
    'break and continue',
    'for i in 1 2 3; do\n  [ $i = 1 ] && continue\n  echo $i\n  break\ndone\necho end',
    undefined,
  ],
  ['inside case', 'case b in\n  a)\n    echo no\n    ;;\n  b)\n    false\n    ;;\nesac', 6],
  ['case items of one line', 'echo a\ncase b in\n  a) echo no ;;\n  b) echo yes ;;\nesac', undefined],
  ['inside a function', 'f() {\n  echo in\n  false\n}\necho out\nf\necho never', 3],
  ['after a function', 'f() {\n  echo in\n}\nf\nfalse', 5],
  ['behind a function on its line', 'f() {\n  echo in\n  echo more\n}\nf; false', 5],
  ['a function on the left', 'f() {\n  echo in\n  false\n}\nf || false', 5],
  ['a function that is a condition', 'f() {\n  false\n  echo in\n}\nif f; then false; fi', 5],
  ['a function in a substitution', 'f() {\n  echo in\n  false\n}\nx=$(f)', 5],
  ['a function in a pipeline', 'f() {\n  echo in\n  false\n}\necho a | f', 5],
  [
    'return with and without a number',
    'f() {\n  (exit 6) || return\n}\ng() {\n  return 7\n}\nf || echo "$?"\ng || echo "$?"',
    undefined,
  ],
  [
    'local variables and parameters',
    'f() {\n  local a="$1"\n  shift\n  echo "$a $# $*"\n}\nf x y z\nset -- p q\necho "$1 $#"',
    undefined,
  ],
  ['recursion', 'f() {\n  [ "$1" != 0 ] || exit 8\n  f $(($1 - 1))\n}\nf 3', 2],
  ['a group', '{\n  echo a\n  false\n}', 3],
  ['the right side of ||', 'false || {\n  echo cleaning\n  exit 5\n}', 3],
  [
    'a pipeline over several lines',
    'echo a\nprintf "a\\nb\\n" |\n  while read -r x; do\n    echo "$x"\n    false\n  done',
    2,
  ],
  ['a subshell over several lines', 'echo a\n(\n  echo b\n  false\n)\necho c', 2],
  ['a list over several lines', 'true &&\n  true &&\n  false\necho never', 1],
  ['a failing list over several lines', 'echo a\ntrue &&\n  echo b &&\n  (exit 3)', 2],
  ['continued lines', 'echo a \\\n  b \\\n  c\nls \\\n  /no/such/folder', 4],
  ['a continued line before a statement', 'true; \\\nfalse', 2],
  ['a comment that ends in a backslash', '# no \\\nfalse', 2],
  ['a here-document with commands in it', "cat <<'E' >out\nfalse\naib\nE\nfalse", 5],
  ['two here-documents', 'cat <<A; cat <<B\na\nA\nb\nB\nfalse', 6],
  ['a here-document with tabs', 'if true; then\n\tcat <<-E\n\t\tfoo\n\tE\n\tfalse\nfi', 5],
  ['quotes over several lines', 'echo \'a\nfalse\nb\'\necho "c\n  $(echo d)\n"\nfalse', 7],
  ['a substitution over several lines', 'x=$(\n  echo a\n  echo b\n)\necho "$x"\ny=$(\n  false\n)', 6],
  ['arithmetic and parameters', 'x=3\necho $((x * 2)) ${x#3} ${y:-z}\n: "${nope:?is missing}"', 3],
  ['set -u', 'set -u\necho a\necho "$nope"', 3],
  ['set +e', 'set +e\nfalse\necho "$?"\nset -e\nfalse', 5],
  ['set +e to the end', 'set +e\nfalse\n(exit 2)', 3],
  ['set -x', 'set -x\necho a\nif true; then\n  false\nfi', 4],
  ['set -eux, and traces in between', 'set -eux\nx=1\n(exit 3) || echo "$?"\nset +x\necho b\nexit 4', 6],
  [
    'a status that is asked for on the next line',
    'true\n(exit 3) && :\necho "$?"\nx=$?\necho "$x"',
    undefined,
  ],
  ['negation', '! true\necho a\n! false\nfalse', 4],
  ['a command that is not there', 'echo a\nno-such-command-at-all\necho b', 2],
  ['a file that cannot be run', 'echo a\n/', 2],
  ['a redirection that fails', 'echo a\necho b >/no/such/folder/x\necho c', 2],
  ['the output goes elsewhere', 'echo a >out\n{\n  echo b\n  echo c >&2\n} >>out 2>err\nfalse', 6],
  ['exec of another program', 'echo a\nexec sh -c "exit 3"', undefined],
  ['exec with the output elsewhere', 'exec >out\necho a\nfalse', 3],
  ['traps of signals', 'trap "echo term" TERM\nkill -TERM $$\necho after\nfalse', 4],
  ['a background job', 'sleep 0 &\nwait $!\n(exit 3) &\nwait $!', 4],
  ['eval', "eval 'x=1\necho $x'\neval 'exit 3'", 3],
  ['a sourced file', 'echo "echo sourced; false" >lib\n. ./lib', 2],
  ['an alias', "alias ll='echo aliased'\nll a\nfalse", 3],
  ['a function called echo', 'echo() {\n  printf "mine %s\\n" "$*"\n}\necho a\nfalse', 5],
  ['a word splitter of its own', 'IFS=01234\nx=a1b\necho $x\n(exit 10)', 4],
  ['positional parameters', 'set -- a b c\nfor x; do\n  echo "$x"\ndone\n[ $# = 4 ]', 5],
  ['functions within functions', 'f() {\n  g() {\n    false\n  }\n  g\n}\nf', 3],
  [
    'nested loops and branches',
    'for i in 1 2; do\n  for j in 1 2; do\n    if [ $i$j = 21 ]; then\n      exit 3\n    fi\n  done\ndone',
    4,
  ],
  ['a script that ends in a test', 'echo a\n[ -e /no/such ] && echo b', 2],
  ['a loop that ends in a test', 'for i in 1 2; do\n  [ $i = 3 ] && echo b\ndone', 2],
  ['letters of other scripts', "echo 'Grüße, 日本語 🚀'; echo 'é'\nfalse", 2],
  ['one line that has all', 'if true; then for i in 1; do echo $i; false; done; fi', 1],
  ['options before a shebang', '#!/bin/bash -e\necho a\nfalse', 3],
  ['subshell of a condition', 'if (\n  echo a\n  false\n); then\n  echo no\nfi\n(exit 2)', 7],
]

/** What keeps a script as it is: it would see the marks, they would name wrong lines, or nobody knows what it is. */
const UNTOUCHED: [name: string, script: string][] = [
  ['a trap of its own for the exit', "trap 'rm -f x' EXIT\necho a"],
  ['a trap of its own, by number', "trap 'rm -f x' 0 2 15\necho a"],
  ['a trap of its own in a function', 'f() {\n  trap clean EXIT\n}\nf'],
  ['a trap that is taken away', 'trap - EXIT\necho a'],
  ['a trap by command', "command trap 'echo x' EXIT"],
  ['a list of traps', 'trap\necho a'],
  ['the lines echoed', 'set -ev\necho a'],
  ['all variables exported', 'set -a\n. ./env\nset +a'],
  ['all variables exported, by name', 'set -o allexport\nx=1'],
  ['a list of variables', 'set >vars\necho a'],
  ['the last argument', 'mkdir x\ncd $_'],
  ['the last argument in braces', 'mkdir x\ncd "${_}"'],
  ['line numbers', 'echo $LINENO'],
  ['names of the marks', 'aib_at() { :; }\naib_at'],
  ['something behind fi', 'if true; then\n  echo a\nfi; false'],
  ['a loop that begins behind do', 'for i in 1 2; do [ $i = 1 ]\n  echo b\ndone'],
  ['something behind done', 'for i in 1; do\n  echo a\ndone; false'],
  ['something behind a quotation', "echo 'a\n'; false"],
  ['an unfinished if', 'if true; then\n  echo a'],
  ['an unfinished quotation', "echo 'a\necho b"],
  ['an unfinished substitution', 'echo $(foo\necho b'],
  ['an escaped quotation mark that not all shells know', "echo $'it\\'s'\necho 'b'"],
  ['another language', '#!/usr/bin/env python3\nprint("a")'],
  ['comments alone', '# a\n\n# b'],
]

describe.each(SHELLS)('in $shell', ({ command, there }) => {
  const inShell = there ? test : test.skip

  inShell.each(SCRIPTS)('%s', (_, script, line) => {
    expect(namedLine(script.split('\n'), command)).toBe(line)
  })

  inShell('generated scripts do the same, and name the line that fails', () => {
    fc.assert(
      fc.property(generatedScript, (script) => {
        const line = namedLine(script, command)
        const { code, files } = run(script, command)
        expect(line === undefined).toBe(code === 0)
        if (line === undefined || script.includes('set +e')) return
        // Each step notes its own line; a function whose body is not marked is named by its call.
        const last = Number(files['steps']?.trimEnd().split('\n').at(-1))
        if (!/\bfun\b/.test(script[line - 1] ?? '')) expect(line).toBe(last)
      }),
      { numRuns: 8 },
    )
  })
})

describe('a script stays as it is with', () => {
  test.each(UNTOUCHED)('%s', (_, script) => {
    expect(namingLines(script.split('\n'), 'inline-script')).toEqual(script.split('\n'))
  })
})

test("the user's lines stay whole and in their order", () => {
  const script = ['set -eu', '', 'if true; then', '\techo  "a" # b', 'fi']
  expect(namingLines(script, 'inline-script').slice(1)).toEqual([
    'aib_at 1 && :',
    'set -eu',
    '',
    'aib_at 3 && :',
    'if true; then',
    '\taib_at 4 && :',
    '\techo  "a" # b',
    'fi',
  ])
})

test('the input is named, and the prologue is one line', () => {
  const [prologue, ...others] = namingLines(['false'], 'validation-script')
  expect(prologue).toContain('aib-action: validation-script, line ')
  expect(prologue).not.toContain('\n')
  expect(others).toEqual(['aib_at 1 && :', 'false'])
})

test('a long script is marked in little time', () => {
  const script = Array.from({ length: 30_000 }, (_, index) => `echo ${index}`)
  expect(namingLines(script, 'inline-script')).toHaveLength(60_001)
})

/** `@3` stands for a step that notes its line and ends with 3. */
const code = fc.constantFrom(0, 0, 0, 0, 1, 3)
const step = code.map((one) => `@${one}`)
const leaf: fc.Arbitrary<string[]> = fc.oneof(
  { arbitrary: step.map((one) => [one]), weight: 6 },
  { arbitrary: fc.tuple(step, step).map(([a, b]) => [`${a}; ${b}`]), weight: 1 },
  { arbitrary: fc.tuple(step, step).map(([a, b]) => [`${a} || ${b}`]), weight: 1 },
  { arbitrary: fc.tuple(step, step).map(([a, b]) => [`${a} && ${b}`]), weight: 1 },
  { arbitrary: step.map((one) => [`v=$(${one}) # note`]), weight: 1 },
  { arbitrary: step.map((one) => [`(${one})`]), weight: 1 },
  { arbitrary: step.map((one) => [`! ${one}`]), weight: 1 },
  { arbitrary: step.map((one) => [`echo a | ${one}`]), weight: 1 },
  { arbitrary: step.map((one) => [`if ${one}; then echo yes; else echo no; fi`]), weight: 1 },
  {
    arbitrary: fc
      .constantFrom<string[][]>(
        ['echo "status $?"'],
        ['# comment \\'],
        [''],
        ['set -u'],
        ['set +e'],
        ['cat <<E', '  @ $v', 'E'],
        ["v='a", "b'"],
        ['echo a \\', '  b'],
      )
      .map((lines) => lines),
    weight: 3,
  },
)
const indented = (lines: string[]): string[] =>
  lines.map((line) => (/^(E|b'|$)/.test(line) ? line : `  ${line}`))
const { statements } = fc.letrec<{ statement: string[]; statements: string[] }>((tie) => ({
  statements: fc.array(tie('statement'), { minLength: 1, maxLength: 4 }).map((all) => [...all.flat(), '@0']),
  statement: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(step, tie('statements'), tie('statements'))
      .map(([a, b, c]) => [`if ${a}; then`, ...indented(b), 'else', ...indented(c), 'fi']),
    tie('statements').map((body) => ['for i in 1 2; do', ...indented(body), 'done']),
    tie('statements').map((body) => ['while read -r w; do', ...indented(body), 'done <<E', 'x', 'E']),
    tie('statements').map((body) => [
      'case x in',
      '  y) false ;;',
      '  x)',
      ...indented(body),
      '    ;;',
      'esac',
    ]),
    fc.tuple(step, tie('statements')).map(([a, body]) => [`${a} || {`, ...indented(body), '}']),
    fc
      .tuple(
        tie('statements'),
        fc.constantFrom('fun', 'fun', 'fun || @0', 'v=$(fun)', 'if fun; then', 'fun; @3'),
      )
      .map(([body, call]) => [
        'fun() {',
        ...indented(body),
        '}',
        ...(call.startsWith('if') ? [call, '  @3', 'fi'] : [call]),
      ]),
    tie('statements').map((body) => ['{', ...indented(body), '} >>out']),
  ),
}))
const generatedScript: fc.Arbitrary<string[]> = statements.map((body) => {
  const lines = ['step() { echo "$1" >>steps; return "$2"; }', 'v=', ...body]
  return lines.map((line, index) => line.replaceAll(/@(\d)/g, `step ${index + 1} $1`))
})
