/** Put a text on the clipboard; returns whether it is there. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP there is no such thing, but the older way.
    return copyByCommand(text);
  }
}

function copyByCommand(text: string): boolean {
  let isDone = false;
  const listener = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
    isDone = true;
  };
  document.addEventListener("copy", listener, { capture: true });
  document.execCommand("copy");
  document.removeEventListener("copy", listener, { capture: true });
  return isDone;
}
