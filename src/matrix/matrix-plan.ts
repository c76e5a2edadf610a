/**
 * The plan of a matrix: images × locations to legs, one a build. Every leg is read as the main action will read it, so
 * that a mistake in any of them is told before the first VM starts.
 */
import { InputError } from '../errors.ts'
import { INPUT_NAMES } from '../input-names.ts'
import { InputReader, type RawInputs } from '../input-reader.ts'
import { checkTargets, readLegs } from './leg-check.ts'
import { nearest } from '../nearest.ts'
import { readPlanInputs, RUNS_ON, type Given, type PlanInputs } from './plan-inputs.ts'

/**
 * One build, flat, as `matrix.leg` of the workflow: `name`, `image`, and `runs-on` and inputs of the main action as far
 * as they are given. What it does not have is an empty text in the workflow, which to the action means its default, but
 * for the two below.
 */
export type Leg = Readonly<Record<string, string>> & { readonly name: string; readonly image: string }

/** Inputs whose empty value means none and not the default: every leg has them. A test compares with action.yml. */
export const EXPLICIT: Readonly<Record<string, string>> = {
  'build-path': '.',
  'log-artifact-name': 'customization-log-<template name>',
}

/** Jobs of a matrix (documented). */
const MOST_LEGS = 256
/** GitHub takes 1 MB of outputs of a job, counted as UTF-16 (documented); `index` and `count` have room beside it. */
const MOST_CHARACTERS = 450_000

/** Inputs in which `{image}` and `{location}` may be a script's own. */
const SCRIPTS: ReadonlySet<string> = new Set(['inline-script', 'validation-script', 'customizers'])

/**
 * Reads the inputs of `plan` and makes the legs, in the order of the images and their locations.
 * @throws InputError that names every mistake, each with the legs that have it
 */
export function planMatrix(raw: RawInputs): Leg[] {
  const read = new InputReader(raw)
  const inputs = readPlanInputs(read)
  const hasFiles = read.boolean('check-files')
  const legs = legsOf(read, inputs)
  if (legs) check(read, legs, inputs, raw, hasFiles)
  if (read.problems.length > 0 || !legs) throw new InputError(read.problems)
  return legs
}

/** The outputs of the step. `index` is what `gather` needs: an input has less room than an output. */
export function planOutputs(legs: readonly Leg[]): Record<string, string> {
  const index = legs.map(({ name, image, ...leg }) => ({
    name,
    image,
    ...(leg['location'] === undefined ? {} : { location: leg['location'] }),
  }))
  return { legs: JSON.stringify(legs), index: JSON.stringify(index), count: String(legs.length) }
}

/** Undefined when there are too many of them to go on. */
function legsOf(read: InputReader, inputs: PlanInputs): Leg[] | undefined {
  const placed = inputs.images.map((image) => ({ image, locations: locationsOf(read, image, inputs) }))
  const count = placed.reduce((sum, { locations }) => sum + locations.length, 0)
  if (count > MOST_LEGS) {
    read.problem(
      'images',
      `with their locations make ${count} builds; a matrix has at most ${MOST_LEGS} jobs.`,
    )
    return undefined
  }
  return placed.flatMap(({ image, locations }) =>
    locations.map((location) => legOf(read, image, location, inputs.defaults)),
  )
}

/** What is nearest to the image counts. `''` for a template that brings its location itself. */
function locationsOf(read: InputReader, image: Given, { locations, defaults }: PlanInputs): string[] {
  const own = image.values.get('location')
  const usual = defaults.values.get('location')
  if (image.locations) return image.locations
  if (own) return [own]
  if (!locations || locations.length > 0) return locations ?? []
  if (usual) return [usual]
  const valueOf = (input: string): string => image.values.get(input) ?? defaults.values.get(input) ?? ''
  const brings = valueOf('template-file') !== '' || valueOf('existing-template').toLowerCase() === 'true'
  if (brings) return ['']
  if (!image.flawed && !defaults.flawed) {
    read.problem(
      'images',
      `${image.at}has no location; give \`locations\`, or \`location\` here or in defaults.`,
    )
  }
  return []
}

function legOf(read: InputReader, image: Given, location: string, defaults: Given): Leg {
  const places = { image: image.name, ...(location === '' ? {} : { location }) }
  const given = new Map([...Object.entries(EXPLICIT), ...defaults.values, ...image.values])
  const values = [RUNS_ON, ...INPUT_NAMES].flatMap((input) => {
    const value = input === 'location' ? location : filled(read, image, input, given.get(input) ?? '', places)
    return value === '' && !Object.hasOwn(EXPLICIT, input) ? [] : [[input, value] as const]
  })
  return {
    name: location === '' ? image.name : `${image.name}-${location}`,
    image: image.name,
    ...Object.fromEntries(values),
  }
}

/** The value with `{image}` and `{location}` replaced, unless it is a script. */
function filled(
  read: InputReader,
  image: Given,
  input: string,
  value: string,
  places: Record<string, string>,
): string {
  if (SCRIPTS.has(input)) return value
  return value.replaceAll(/(?<!\$)\{([A-Za-z]+)\}/g, (written, word: string) => {
    const place = Object.hasOwn(places, word) ? places[word] : undefined
    const meant = word.toLowerCase() === 'image' ? 'image' : nearest(word, ['location'])
    if (place !== undefined || meant === undefined) return place ?? written
    image.flawed = true
    const why =
      meant === word
        ? `there is no location that '${written}' could be.`
        : `'${written}' is not known. Did you mean '{${meant}}'?`
    read.problem('images', `${image.at}${input}: ${why}`)
    return written
  })
}

/** Checks what can be checked of legs from images that are right in themselves; the others have been told of. */
function check(
  read: InputReader,
  legs: readonly Leg[],
  { images, defaults }: PlanInputs,
  raw: RawInputs,
  hasFiles: boolean,
): void {
  const flawed = new Set(images.filter((image) => image.flawed).map(({ name }) => name))
  const checked = defaults.flawed ? [] : legs.filter(({ image }) => !flawed.has(image))
  const names = checked.map(({ name }) => name.toLowerCase())
  for (const name of names.filter((one, index) => names.indexOf(one) !== index)) {
    read.problem('images', `two builds would be called ${name}.`)
  }
  const requests = readLegs(read, checked, raw, hasFiles)
  checkTargets(read, requests)
  const characters = JSON.stringify(legs).length
  if (characters > MOST_CHARACTERS) {
    read.problem(
      'images',
      `make a plan of ${characters} characters; GitHub takes outputs of 1 MB, two bytes a character, so that ${MOST_CHARACTERS} are left for it. Put long scripts into files of build-path and call them.`,
    )
  }
}
