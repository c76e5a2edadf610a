/** Writes what is generated in the documents; with `--check` nothing is written, and what is not up to date is a failure. */
import './readme-tables.ts'
import './troubleshooting.ts'
import './workflow-inputs.ts'
