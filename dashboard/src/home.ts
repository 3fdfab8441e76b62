/** Where this page and the services are: its host, and the path that it was built for. */
export function home(): URL {
  return new URL(import.meta.env.BASE_URL, location.href);
}
