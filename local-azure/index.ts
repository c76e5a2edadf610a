/**
 * A local Azure: GitHub OIDC, Entra ID, Resource Manager, Image Builder and Blob Storage on loopback HTTPS, for
 * tests and the demo. Development only: nothing in `src/` imports it and nothing of it is bundled.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startBlobs } from './blobs.ts'
import { makeCertificates } from './certificates.ts'
import { startEntra } from './entra.ts'
import { startGitHub } from './github.ts'
import type { Blobs, GitHub, TokenAuthority } from './parts.ts'
import { startResourceManager } from './resource-manager.ts'
import { defaultSeed, type Seed } from './seed.ts'
import { World, worldOptions, type SomeOptions } from './world.ts'

export interface LocalAzureOptions extends SomeOptions {
  seed?: Seed
}

export interface LocalAzure {
  world: World
  blobs: Blobs
  github: GitHub
  entra: TokenAuthority
  endpoints: {
    /** For the input `resource-manager-endpoint`. */
    resourceManager: string
    /** For the variable `AZURE_AUTHORITY_HOST`. */
    authority: string
  }
  /** File with the certificate authority, PEM, for `NODE_EXTRA_CA_CERTS`. */
  caFile: string
  /** A private folder that goes with the local Azure. */
  folder: string
  close: () => Promise<void>
}

/** Starts every part on free ports; any number of instances can run side by side. */
export async function startLocalAzure(options: LocalAzureOptions = {}): Promise<LocalAzure> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'local-azure-'))
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
  const world = new World(options.seed ?? defaultSeed(), worldOptions(options))
  const close = async (): Promise<void> => {
    world.close()
    await world.settled()
    for (const closer of closers.reverse()) await closer()
  }
  try {
    const certificates = await makeCertificates()
    const caFile = path.join(folder, 'ca.pem')
    await writeFile(caFile, certificates.authority)

    const github = await startGitHub(world, certificates, () => blobs)
    closers.push(github.close)
    const entra = await startEntra(world, certificates, github.verifyIdToken)
    closers.push(entra.close)
    const blobs = await startBlobs(world, certificates, entra, folder)
    closers.push(blobs.close)
    const resourceManager = await startResourceManager(world, certificates, entra, blobs, folder)
    closers.push(resourceManager.close)

    return {
      world,
      blobs,
      github,
      entra,
      endpoints: { resourceManager: resourceManager.url, authority: entra.url },
      caFile,
      folder,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
