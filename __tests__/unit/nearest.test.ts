import { expect, test } from '@jest/globals'
import { didYouMean, nearest } from '../../src/nearest.ts'

const REGIONS = ['westus', 'westus2', 'westeurope', 'northeurope']

test.each([
  ['a letter too few', 'westeurop', 'westeurope'],
  ['two letters swapped', 'wseteurope', 'westeurope'],
  ['other letter case', 'WESTEUROPE', 'westeurope'],
  ['several letters of a long value', 'nordeuropa', 'northeurope'],
  ['something else', 'mars', undefined],
  ['nothing', '', undefined],
])('%s', (_, given, expected) => {
  expect(nearest(given, REGIONS)).toBe(expected)
})

test('a value is given back as it is spelled', () => {
  expect(nearest('azurecloude', ['AzureCloud', 'AzureChinaCloud'])).toBe('AzureCloud')
})

test('nothing is near when nothing is allowed', () => {
  expect(nearest('x', [])).toBeUndefined()
})

test('the hint is a sentence, or nothing', () => {
  expect(didYouMean('westus3', REGIONS)).toMatch(/^ Did you mean 'westus2?'\?$/)
  expect(didYouMean('mars', REGIONS)).toBe('')
})
