import { describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { quotePosix, quotePowerShell } from '../../src/shell.ts'
import { NASTY_TEXTS } from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'

test.each(NASTY_TEXTS)('a POSIX shell reads %s as it is', (_, text) => {
  const script = `printf %s ${quotePosix(text)}`
  expect(execFileSync('/bin/sh', ['-ec', script], { encoding: 'utf8' })).toBe(text)
})

describe('PowerShell', () => {
  test.each(NASTY_TEXTS)('reads %s as it is', (_, text) => {
    const script = `Write-Output ${quotePowerShell(text)}`
    expect(syntaxErrors(script)).toEqual([])
    expect(values(script)).toEqual([text])
  })

  test('doubles the quotation mark that ends a string', () => {
    expect(quotePowerShell("it's")).toBe("'it''s'")
  })

  test.each([
    ['letters', "it's Größe-\u0451"],
    ['beyond the basic plane', '\ud83d\ude80'],
    ['quotation marks', '\u2018a\u2019 \u201ab\u201b'],
    ['a control character', 'a\u0007b\tc'],
    ['what is an escape already', '\\u0041 \\n \u00fc'],
  ])('writes %s in ASCII', (_, text) => {
    const quoted = quotePowerShell(text)
    expect(quoted).toMatch(/^\(\[regex\]::Unescape\('[ -~]+'\)\)$/)
    expect(syntaxErrors(quoted)).toEqual([])
    expect(values(quoted)).toEqual([text])
  })
})
