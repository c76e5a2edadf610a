/** What keeps an image of the source out of its target: Azure would say so after the build, or never. */
import { distributionProblem, regionsOf, type Distribution, type GalleryDistributor } from './distributors.ts'
import type { Problem } from './errors.ts'
import type { NewBuild } from './inputs.ts'
import type { ImageFacts } from './source-image.ts'

/** A gallery image definition, cut down to what a build must agree with. */
export interface GalleryDefinition extends ImageFacts {
  osState: string
  /** Home region of the gallery image, as `regionName` spells it. */
  location: string
}

/** What keeps an image of this source out of this definition; Azure would say so after the build, or never. */
export function definitionProblems(
  one: Distribution & { body: GalleryDistributor },
  definition: GalleryDefinition,
  source: ImageFacts,
): Problem[] {
  const problem = (message: string): Problem => distributionProblem(one, 'galleryImageId', message)
  const problems: Problem[] = []
  if (definition.osState !== 'Generalized') {
    problems.push(
      problem(
        `the image definition is for ${definition.osState} images; Image Builder makes Generalized ones.`,
      ),
    )
  }
  const facts: [string, string | undefined, string | undefined][] = [
    ['operating system', definition.osType, source.osType],
    ['Hyper-V generation', definition.hyperVGeneration, source.hyperVGeneration],
    ['architecture', definition.architecture, source.architecture],
  ]
  for (const [fact, wanted, got] of facts) {
    if (wanted !== undefined && got !== undefined && wanted !== got) {
      problems.push(
        problem(
          `the image definition has ${fact} ${wanted}, the source image ${got}; they must be the same.`,
        ),
      )
    }
  }
  problems.push(...securityMistakes(definition, source).map(problem))
  const regions = regionsOf(one.body)
  if (regions.length === 0 || regions.includes(definition.location)) return problems
  const message = `must hold the gallery's own region, ${definition.location}; given: ${regions.join(', ')}.`
  return [...problems, distributionProblem(one, 'targetRegions', message)]
}

/**
 * Both support trusted launch or neither does, and a definition that allows nothing but trusted launch takes no image of
 * Image Builder (reported: Azure/build-vm-image#32). Nothing certain is known of confidential VMs, so those pass.
 * `securityType` '' stands for none.
 */
function securityMistakes({ securityType: wanted }: ImageFacts, { securityType: got }: ImageFacts): string[] {
  if (wanted === undefined || got === undefined || /confidential/i.test(wanted + got)) return []
  const alone = wanted.toLowerCase() === 'trustedlaunch'
  if (!alone && wanted.toLowerCase() === got.toLowerCase()) return []
  const words = (type: string): string => (type === '' ? 'none' : type)
  return [
    `the image definition has security type ${words(wanted)}, the source image ${words(got)}; both must support trusted launch, or neither.`,
  ]
}

/** Managed images of Arm64 machines do not exist (reported: hashicorp/packer-plugin-azure#287). */
export function managedImageProblems(
  distributions: readonly Distribution[],
  { architecture }: ImageFacts,
): Problem[] {
  if (architecture?.toLowerCase() !== 'arm64') return []
  return distributions
    .filter(({ body }) => body.type === 'ManagedImage')
    .map((one) =>
      distributionProblem(
        one,
        'imageId',
        'a managed image cannot hold Arm64, which the source image is; use a gallery.',
      ),
    )
}

/** The disk of the operating system can only grow. */
export function diskProblems({ settings }: NewBuild, { osDiskSizeGB }: ImageFacts): Problem[] {
  const wanted = settings.vmProfile?.osDiskSizeGB ?? 0
  if (wanted === 0 || osDiskSizeGB === undefined || wanted >= osDiskSizeGB) return []
  return [
    {
      input: 'os-disk-size-gb',
      message: `'${wanted}' is less than the source image's disk of ${osDiskSizeGB} GB.`,
    },
  ]
}
