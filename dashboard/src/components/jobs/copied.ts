/** What somebody takes along who has selected text in a log with the mouse. */

/**
 * The text that is selected in these rows, each line as one; null where none is.
 *
 * The browser's own way takes the parts of a row as lines of their own, and leaves out what is
 * folded away.
 *
 * @param rows Contains the rows: each has `data-number`, and in it `data-content` what is copied.
 * @param textOf The whole text of the line with this number.
 */
export function selectedText(
  selection: Selection | null,
  rows: HTMLElement,
  textOf: (number: number) => string,
): string | null {
  if (selection === null || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  if (!range.intersectsNode(rows)) return null;
  const lines: string[] = [];
  for (const row of rows.querySelectorAll<HTMLElement>("[data-number]")) {
    const content = row.querySelector("[data-content]");
    if (!content || !range.intersectsNode(content)) continue;
    if (selection.containsNode(content)) {
      lines.push(textOf(Number(row.dataset.number)));
      continue;
    }
    // A selection may end before the first character of a row: nothing of it is selected.
    const part = textIn(range, content);
    if (part !== "") lines.push(part);
  }
  return lines.length === 0 ? null : lines.join("\n");
}

/** The part of an element's text that is in a range. */
function textIn(range: Range, element: Element): string {
  const part = document.createRange();
  part.selectNodeContents(element);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  const contents = part.cloneContents();
  for (const button of contents.querySelectorAll("button")) button.remove();
  return contents.textContent ?? "";
}
