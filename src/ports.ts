/** What the stories need from the world, as they see it. The edges that fulfil these are wired in the entries. */
import type { Archive } from './archive.ts'
import type { Uploaded } from './azure/block-upload.ts'
import type { BlobName } from './azure/storage.ts'
import type { Findings, ImageTemplate, StorageAccount } from './image-template.ts'
import type { BuildRequest, CleanupPolicy, ExistingBuild, NewBuild } from './inputs.ts'
import type { Unique } from './names.ts'
import type { SeenVersion } from './promotion/candidate.ts'
import type { VersionChange } from './promotion/promotion-changes.ts'
import type { EarlierBuild } from './progress.ts'
import type { EndState } from './run-status.ts'
import type { SourceName } from './source-image.ts'
import type { SeenImage, SeenTemplate } from './unchanged.ts'

/** Time and chance, so that the stories depend on neither. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number
  /** Rejects when `signal` is aborted. */
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  unique: () => Unique
}

/** The GitHub runner: log, annotations, state, outputs. */
export interface Runner {
  info: (line: string) => void
  debug: (line: string) => void
  notice: (message: string) => void
  /** @param at what the annotation is about, where the workflow file has it */
  warning: (message: string, at?: ScriptLine) => void
  /** Lines of foreign text, which must not be taken for commands to the runner. */
  quote: (lines: readonly string[]) => void
  /** From here on lines may be folded. */
  openGroup: (title: string) => void
  closeGroup: () => void
  /** Registers a value that must never be printed. */
  mask: (secret: string) => void
  /** The text without any secret that was masked. */
  redacted: (text: string) => string
  /** Keeps a fact for the post step, at once: it is there even when this process is killed next. */
  remember: <K extends keyof BuildState>(fact: K, value: NonNullable<BuildState[K]>) => void
  /** Aborted when the workflow is cancelled. */
  cancelled: AbortSignal
  /** After how long step or job end by themselves, where that is known. */
  limitMinutes: () => number | undefined
}

/** A line of a script that is an input, counted from 1. */
export interface ScriptLine {
  input: string
  line: number
}

/** What post needs to know, each fact saved before what it speaks of comes into being. No secrets. */
export interface BuildState {
  /** The checked sign-in and scope; post never reads inputs, which may have changed by then. */
  connection?: Connection
  cleanup?: CleanupPolicy
  /** The blob that the artifact is uploaded to, and where. */
  blob?: BlobName & { account: StorageAccount }
  uploaded?: boolean
  /** Resource ID of the image template. */
  imageTemplate?: string
  /** Tags of the template, for one of the same name may be another job's. */
  marks?: Record<string, string>
  /** Whether somebody else made the template: then it is not ours to delete. */
  existingTemplate?: boolean
  /** `started` before the run is asked for, then how it ended, or that nobody waits for it. */
  run?: 'started' | 'left' | EndState
  /** How main ended; absent when it was killed. */
  outcome?: 'succeeded' | 'failed' | 'cancelled'
  /** When the runner told main that the workflow was cancelled; milliseconds since the epoch. */
  cancelledAt?: number
}

export type Connection = Pick<BuildRequest, 'signIn' | 'subscriptionId' | 'pollIntervalSeconds'>

/** What the story of a build is told with. */
export interface BuildEdges {
  azure: Azure
  runner: Runner
  clock: Clock
  /** The action's own version. */
  version: string
  /** `GITHUB_WORKSPACE` */
  workspace: string
  /** Keeps a text as a file that later steps may read, and returns its path. */
  saveFile: (name: string, content: string | AsyncIterable<string>) => Promise<string>
  /** Uploads a file as a workflow artifact of that name. Throws when GitHub does not take it. */
  uploadWorkflowArtifact: (name: string, file: string) => Promise<void>
}

/** Azure, as both stories see it. */
export interface Azure {
  /** Finds what the inputs name, and every mistake in them. Nothing is created. */
  lookUp: (request: NewBuild, signal: AbortSignal) => Promise<Findings>
  /** The template that is there already; an InputError when it is not, or not fit to run. */
  findTemplate: (request: ExistingBuild, signal: AbortSignal) => Promise<FoundTemplate>
  /** Versions of gallery images, one by one. */
  gallery: GalleryPort
  /** All versions of an image definition; none where they may not be listed. */
  imageVersions: (definitionId: string, signal: AbortSignal) => Promise<SeenVersion[]>
  /** A managed image; undefined where there is none, or where it may not be read. */
  managedImage: (id: string, signal: AbortSignal) => Promise<SeenImage | undefined>
  /** The image templates of a resource group; none where they may not be listed. */
  templates: (request: NewBuild, signal: AbortSignal) => Promise<SeenTemplate[]>
  /** How long earlier builds of the same gallery image took, as far as its versions tell. */
  earlierBuilds: (request: NewBuild, signal: AbortSignal) => Promise<EarlierBuild[]>
  /** Registers the resource providers that are missing. */
  registerProviders: (
    request: NewBuild,
    onRegister: (namespace: string) => void,
    signal: AbortSignal,
  ) => Promise<void>
  artifactStore: (account: StorageAccount) => {
    upload: (
      name: BlobName,
      archive: Archive,
      run: Record<string, string>,
      onProgress: (uploaded: Uploaded) => void,
      signal: AbortSignal,
    ) => Promise<void>
    /** URL of the blob, which says nothing of who may read it. */
    url: (name: BlobName) => string
    readUrl: (name: BlobName, expiresOn: Date, signal: AbortSignal) => Promise<string>
    delete: (name: BlobName) => Promise<boolean>
    discardBlocks: (name: BlobName) => Promise<void>
  }
  imageBuilder: ImageBuilderPort
  buildLog: {
    /**
     * Hands over the lines of a build's log as it grows, each once, until `signal` is aborted. Never throws.
     * @param since no older log counts
     */
    follow: (
      stagingGroup: string,
      since: Date,
      take: (lines: string[]) => void,
      signal: AbortSignal,
    ) => Promise<void>
    /** Reads the customization log of a run that began after `since`; `read` is called anew when it broke off. */
    fetch: <T>(
      stagingGroup: string,
      runMessage: string,
      since: Date,
      read: (content: AsyncIterable<Uint8Array>) => Promise<T>,
    ) => Promise<{ log: T } | { unreadable: string }>
  }
}

/** Versions of gallery images, as builds and promotions see them. */
export interface GalleryPort {
  /** The version as it stands, with the state of its regions. */
  version: (id: string, signal: AbortSignal) => Promise<SeenVersion>
  /** All versions of a definition, without the state of their regions. */
  versions: (definitionId: string, signal: AbortSignal) => Promise<SeenVersion[]>
  /** Asks for a change. `busy`: another one is under way, and nothing was changed. */
  update: (id: string, change: VersionChange, signal: AbortSignal) => Promise<'taken' | 'busy'>
}

/** The template that is run. */
export interface ReadyTemplate {
  id: string
  /** Of its distributors, in their order. */
  runOutputNames: string[]
  /** Whether it runs by itself, or already. */
  runs: boolean
  /** When the run began that is under way, or over; milliseconds since the epoch. */
  startedAt?: number
  /** How its run ended, where that is known already: then there is none to wait for. */
  end?: RunEnd
  /**
   * Whose run it is. `ours` is cancelled with the workflow; one that another job left to us (`inherited`) is not, but what
   * becomes of its template is ours to see to; `others` is watched, no more.
   */
  whose: 'ours' | 'inherited' | 'others'
}

/** A template that somebody else made. */
export interface FoundTemplate extends TemplateView {
  id: string
  source: SourceName
  /** Names of its distributors' run outputs, in their order. */
  runOutputNames: string[]
  /** As the service shows it. */
  body: object
  /** The artifact's blob that it points at, where this action uploaded it. */
  blob?: BuildState['blob']
}

export interface ImageBuilderPort {
  /** Submits a template and waits until Image Builder has taken it in. */
  submit: (id: string, template: ImageTemplate, signal: AbortSignal) => Promise<TemplateView>
  /**
   * Starts the template's run: exactly one, whatever happens to the answer.
   * @param byItself whether a run is expected that began without being asked for; only when none shows is it asked for
   */
  startRun: (id: string, byItself: boolean, signal: AbortSignal) => Promise<TemplateRun>
  /** Follows the run to its end; `onLook` is told the phase at every look at it. */
  followRun: (run: TemplateRun, onLook: (phase: string) => void, signal: AbortSignal) => Promise<RunEnd>
  /** One call; a run that cannot be cancelled (any more) is fine. Returns whether a run is being cancelled. */
  cancelRun: (id: string) => Promise<boolean>
  /** The template as it stands, or undefined when it does not exist. */
  get: (id: string) => Promise<TemplateView | undefined>
  /** Deletes the template, and its staging group with it, waiting as long as the service does not allow it yet. */
  delete: (id: string, deadline: number) => Promise<'deleted' | 'was gone'>
  runOutput: (id: string, name: string) => Promise<RunOutput | undefined>
}

/** The template as the service shows it, cut down to what is used. */
export interface TemplateView {
  tags?: Record<string, string>
  provisioningState: string
  provisioningError?: string
  /** Resource ID of the `IT_…` group; absent until there is one. */
  stagingResourceGroup?: string
  lastRun?: { startTime?: string; runState?: string; runSubState?: string; message?: string }
}

export interface TemplateRun {
  imageTemplate: string
  operationUrl?: string
  /** Azure's ID of the request that began it, for its support. */
  correlationId?: string
  /** Start of the run before this one, whose status may still be shown. */
  previousStart?: string
}

export interface RunEnd {
  state: EndState
  message: string
}

/** Resource ID of the image, or URL of the VHD. */
export interface RunOutput {
  uri: string
}
