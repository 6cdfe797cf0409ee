/**
 * Refuses a name that is not on offer, with the list of those that are and the one that was probably meant: the one
 * at the least Levenshtein distance, if that is at most half of the name's length (heuristic).
 */

/** Insertions, deletions and replacements that turn a into b. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1))
    }
    row = next
  }
  return row[b.length]
}

/** The name that was probably meant, if any is close. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const [nearest] = names
    .map((name) => ({ name, distance: name.startsWith(given) ? 1 : editDistance(given, name) }))
    .filter(({ name, distance }) => given !== '' && distance <= Math.max(given.length, name.length) / 2)
    .sort((a, b) => a.distance - b.distance)
  return nearest?.name
}

/** "Did you mean 'x'? Valid: x, y, z." */
export function validNames(given: string, names: readonly string[]): string {
  const nearest = nearestName(given, names)
  const hint = nearest === undefined ? '' : `Did you mean '${nearest}'? `
  return `${hint}Valid: ${names.join(', ')}.`
}
