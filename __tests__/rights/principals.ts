/** Principals with exactly the documented roles, or with one action less. */
import { randomUUID } from 'node:crypto'
import { documentedRole } from '../../local-azure/roles.ts'
import type { RoleAssignment, Seed } from '../../local-azure/seed.ts'
import { addApplication } from '../support/seeds.ts'
import type { Grant, Story } from './stories.ts'

/** A story as one job: whole, or without an action. */
export interface Attempt {
  story: Story
  /** The role and its action that are probed; undefined with all rights. */
  lacks?: { role: string; action: string }
  clientId: string
  /** Name of the managed identity. */
  identity: string
}

/** Every attempt of a story, the whole one first; their principals are put into the seed. */
export function attemptsOf(seed: Seed, story: Story): Attempt[] {
  return [undefined, ...probesOf(story)].map((lacks) => addAttempt(seed, story, lacks))
}

/** What a story tries to do without. */
export function probesOf({ probed, elsewhere = [], course }: Story): { role: string; action: string }[] {
  return probed
    .flatMap((role) => {
      const { Actions, DataActions } = documentedRole(role)
      return [...Actions, ...DataActions].map((action) => ({ role, action }))
    })
    .filter(({ action }) => !elsewhere.includes(action))
    .filter(({ action }) => course !== 'cancelled' || action.endsWith('/cancel/action'))
}

export function addAttempt(seed: Seed, story: Story, lacks?: Attempt['lacks']): Attempt {
  const isBuilders = lacks?.role.startsWith('image-writer') ?? false
  const rights = (grants: Grant[], probed: boolean): Omit<RoleAssignment, 'principalId'>[] =>
    grants.map((grant) => assignment(grant, probed ? lacks?.action : undefined))
  const clientId = addApplication(seed, { roles: rights(story.deployer, !isBuilders) })
  const identity = addIdentity(seed, rights(story.builder, isBuilders))
  return { story, clientId, identity, ...(lacks ? { lacks } : {}) }
}

function assignment({ role, scope }: Grant, without?: string): Omit<RoleAssignment, 'principalId'> {
  const { Actions, DataActions } = documentedRole(role)
  const less = (all: string[]): string[] => all.filter((action) => action !== without)
  return { scope, actions: less(Actions), dataActions: less(DataActions) }
}

function addIdentity(seed: Seed, roles: Omit<RoleAssignment, 'principalId'>[]): string {
  const [principalId, clientId] = [randomUUID(), randomUUID()]
  const name = `id-${principalId}`
  seed.identities.push({ resourceGroup: 'rg-images', name, location: 'eastus', principalId, clientId })
  seed.roleAssignments.push(...roles.map((role) => ({ ...role, principalId })))
  return name
}
