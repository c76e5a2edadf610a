import { describe, expect, test } from '@jest/globals'
import { IMAGE_ALIASES, imageOfAlias } from '../../src/image-aliases.ts'

describe('an alias stands for an image', () => {
  test.each([
    ['Ubuntu2204', 'Canonical', '0001-com-ubuntu-server-jammy', '22_04-lts-gen2'],
    ['Ubuntu2404', 'Canonical', 'ubuntu-24_04-lts', 'server'],
    ['Ubuntu2404Pro', 'Canonical', 'ubuntu-24_04-lts', 'ubuntu-pro'],
    ['Debian11', 'Debian', 'debian-11', '11-backports-gen2'],
    ['CentOS85Gen2', 'OpenLogic', 'CentOS', '8_5-gen2'],
    ['RHELRaw8LVMGen2', 'RedHat', 'RHEL', '8-lvm-gen2'],
    ['SuseSles15SP5', 'SUSE', 'sles-15-sp5', 'gen2'],
    ['FlatcarLinuxFreeGen2', 'kinvolk', 'flatcar-container-linux-free', 'stable-gen2'],
    ['AzureLinux4Arm64', 'microsoftazurelinux', 'azurelinux-4', '4-arm64'],
    ['Win2022Datacenter', 'MicrosoftWindowsServer', 'WindowsServer', '2022-datacenter-g2'],
    ['Win2019Datacenter', 'MicrosoftWindowsServer', 'WindowsServer', '2019-datacenter-gensecond'],
    ['Win2012R2Datacenter', 'MicrosoftWindowsServer', 'WindowsServer', '2012-R2-Datacenter'],
  ])('%s', (alias, publisher, offer, sku) => {
    expect(imageOfAlias(alias)).toEqual({ publisher, offer, sku })
  })
})

test.each([
  ['lower case', 'ubuntu2404'],
  ['upper case', 'UBUNTU2404'],
  ['blanks around', ' Ubuntu2404 '],
])('%s', (_, given) => {
  expect(imageOfAlias(given)).toEqual({ publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server' })
})

test.each([
  ['a full name', 'Canonical:ubuntu-24_04-lts:server'],
  ['the beginning of an alias', 'Ubuntu'],
  ['an alias that Azure CLI dropped', 'UbuntuLTS'],
  ['what every object has', 'constructor'],
  ['nothing', ''],
])('%s is not an alias', (_, given) => {
  expect(imageOfAlias(given)).toBeUndefined()
})

test.each(Object.entries(IMAGE_ALIASES))('%s has three parts and is found', (alias, image) => {
  // No part is empty or holds a separator, so that `Publisher:Offer:Sku` reads back as the same image.
  const parts = [image.publisher, image.offer, image.sku]
  expect(parts.filter((part) => !/^[\w.-]+$/.test(part))).toEqual([])
  expect(imageOfAlias(alias)).toEqual(image)
})

test('no two aliases differ by letter case alone', () => {
  const lower = Object.keys(IMAGE_ALIASES).map((alias) => alias.toLowerCase())
  expect(lower.filter((alias, index) => lower.indexOf(alias) !== index)).toEqual([])
})

test('nobody can change the table', () => {
  expect(Object.isFrozen(IMAGE_ALIASES)).toBe(true)
  expect(Object.values(IMAGE_ALIASES).filter((image) => !Object.isFrozen(image))).toEqual([])
})
