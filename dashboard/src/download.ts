/** Save a text as a file of the person's. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has to have begun before the text may be forgotten.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
