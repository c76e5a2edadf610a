/** What the scenarios of failures have in common. */
import type { Scenario } from '../scenarios.ts'
import type { BuildScript } from '../world.ts'
import { COMPANY, GALLERY } from './company.ts'

/** A run takes four seconds or so, instead of twenty minutes. */
const SPEED = 300

/** Inputs of a small build of Linux that works, and one of Windows. */
const LINUX = {
  'source-image': 'Canonical:ubuntu-24_04-lts:server',
  'gallery-image-id': `${GALLERY}/images/webapp`,
  'build-path': '',
}
export const WINDOWS = {
  'source-image': 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2',
  'gallery-image-id': `${GALLERY}/images/webapp-windows`,
}

type Change = Partial<Omit<Scenario, 'title'>>

/** A scenario that fails, given by what is unlike a small build of Linux. */
export function failing(title: string, change: Change = {}): Scenario {
  return {
    conclusion: 'failure',
    ...change,
    title,
    azure: { speed: SPEED, seed: COMPANY, ...change.azure },
    with: { ...LINUX, ...change.with },
  }
}

/** One whose build goes as a script says. */
export function broken(title: string, build: BuildScript, inputs: Record<string, string> = {}): Scenario {
  return failing(title, { azure: { build }, with: inputs })
}

/** Inputs that run a template of this name as it is, and nothing else. */
export function existing(name: string): Record<string, string> {
  const shape = ['location', 'managed-identity', 'storage-account', 'source-image', 'gallery-image-id']
  const none = Object.fromEntries(shape.map((input) => [input, '']))
  return { ...none, 'existing-template': 'true', 'template-name': name }
}
