/** Resource Manager: the seed put in place, and all resource providers behind one front door. */
import path from 'node:path'
import { armRoutes } from './resource-manager/routes.ts'
import { serveResourceManager } from './resource-manager/front-door.ts'
import type { Certificates } from './certificates.ts'
import { imageBuilderRoutes } from './image-builder.ts'
import type { Blobs, TokenAuthority } from './parts.ts'
import { plantSeed } from './resource-manager/plant.ts'
import type { RunningServer } from './server.ts'
import type { World } from './world.ts'

/** Starts Resource Manager. `folder` holds the certificate authority as `ca.pem`, and Image Builder's work. */
export async function startResourceManager(
  world: World,
  certificates: Certificates,
  entra: TokenAuthority,
  blobs: Blobs,
  folder: string,
): Promise<RunningServer> {
  plantSeed(world)
  const caFile = path.join(folder, 'ca.pem')
  const imageBuilder = imageBuilderRoutes({ world, blobs, folder, caFile, baseUrl: () => running.url })
  const routes = armRoutes(world, blobs, imageBuilder)
  const running = await serveResourceManager(world, certificates, entra, routes)
  return running
}
