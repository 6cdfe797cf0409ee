/** Elements of index.html by their ids, checked once when the page starts. */

/** @throws {Error} if the page lacks the element or has one of another kind. */
export function pageElement<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id)
  if (element instanceof kind) return element
  throw new Error(`index.html must have a ${kind.name} with the id ${id}`)
}

/** Writes text only where it differs, so that readers of live regions are not told twice. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}
