import { expect, test } from "vitest";
import { mediaAddress } from "../src/media";

const PAGE = new URL("https://home.example/hsi/events/1-0");

test.each([
  ["/media/1.jpg", "https://home.example/media/1.jpg"],
  ["/media/1.jpg?size=small#x", "https://home.example/media/1.jpg?size=small#x"],
  ["https://nvr.example:8971/clip.mp4", "https://nvr.example:8971/clip.mp4"],
  ["HTTP://10.0.0.7/a.jpg", "http://10.0.0.7/a.jpg"],
])("%s is asked for", (written, address) => {
  expect(mediaAddress(written, PAGE)).toBe(address);
});

test.each([
  "javascript:alert(1)",
  " javascript:alert(1)",
  "java\nscript:alert(1)",
  "data:image/png;base64,AAAA",
  "blob:https://home.example/1",
  "file:///etc/passwd",
  "ftp://nvr.example/a.jpg",
  "//evil.example/a.jpg",
  "/\\evil.example/a.jpg",
  "/\t/evil.example/a.jpg",
  "\\\\evil.example\\a.jpg",
  "https://user:secret@nvr.example/a.jpg",
  "https://",
  "media/1.jpg",
  "",
  `/${"x".repeat(2_048)}`,
  null,
  undefined,
  7,
  { href: "/a.jpg" },
])("%j is never asked for", (written) => {
  expect(mediaAddress(written, PAGE)).toBeNull();
});
