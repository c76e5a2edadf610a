/** The job summary of a promotion, in Markdown as GitHub renders it. Tags and Azure's words are foreign text. */
import { regionNames, STATUS_TAG, tagOf } from './candidate.ts'
import type { Explanation } from '../explanation.ts'
import { rollBackCommand, type PromoteReport, type PromotionResult } from './promote-report.ts'
import { lastName } from '../resource-id.ts'
import { foreignMarkdown } from '../foreign-text.ts'

/** Characters of a cell, of a failure, and of a command. */
const [LONG_CELL, LONG_FAILURE, LONG_COMMAND] = [500, 3000, 1000]

const RESULTS: Record<PromotionResult, string> = {
  checked: '🔎 looked at; nothing was changed',
  blessed: '✅ blessed',
  'already-blessed': '✅ was blessed already',
  rejected: '❌ rejected: its tests failed',
  refused: '⛔ refused',
}

/** @param explanation of the failure; absent for a promotion that went well */
export function promoteSummary(report: PromoteReport, explanation?: Explanation): string {
  const { version, imageVersionId, result, checks } = report
  const given = version?.name ?? lastName(imageVersionId)
  const headline = result === undefined ? '❌ not blessed' : RESULTS[result]
  const parts = [
    `## Promotion of image version ${text(given)}`,
    `**${headline}**`,
    ...(explanation ? [text([explanation.headline, ...explanation.advice].join(' '), LONG_FAILURE)] : []),
    ...table(report),
    ...(checks.length > 0
      ? [
          '### What was checked',
          checks
            .map(({ passed, words }) => `- ${passed ? '✅' : '❌'} ${text(words, LONG_COMMAND)}`)
            .join('\n'),
        ]
      : []),
  ]
  return `${parts.join('\n\n')}\n`
}

function table(report: PromoteReport): string[] {
  const { version, previous } = report
  if (!version) return []
  const command = rollBackCommand(report)
  const rows: [string, string][] = [
    ['Image', text(version.id)],
    ['Status', text(tagOf(version, STATUS_TAG) || 'none')],
    ['In latest', version.excludeFromLatest ? 'no' : 'yes'],
    ['Regions', text(regionNames(version).join(', '))],
    ...(version.endOfLifeDate === undefined
      ? []
      : [['End of life', text(version.endOfLifeDate)] as [string, string]]),
    ['Previous version', text(previous ?? 'none')],
    ...(command === ''
      ? []
      : [['Roll back', `<code>${text(command, LONG_COMMAND)}</code>`] as [string, string]]),
  ]
  return [['| | |', '| --- | --- |', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n')]
}

function text(foreign: string, longest = LONG_CELL): string {
  return foreignMarkdown(foreign, longest)
}
