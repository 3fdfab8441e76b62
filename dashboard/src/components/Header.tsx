import { Activity, LayoutDashboard, ListChecks, type LucideIcon, ShieldCheck } from "lucide-react";
import { Link, useRoute } from "wouter";
import type { SignIn } from "../signin/signIn";
import { Account } from "./signin/Account";

interface Place {
  readonly href: string;
  readonly pattern: string;
  readonly name: string;
  readonly Icon: LucideIcon;
}

const PLACES: readonly Place[] = [
  { href: "/", pattern: "/", name: "Dashboard", Icon: LayoutDashboard },
  { href: "/performance", pattern: "/performance", name: "Performance", Icon: Activity },
  { href: "/jobs", pattern: "/jobs/:id?", name: "Jobs", Icon: ListChecks },
];

/** What this is, where one can go, and who is signed in. */
export function Header({ signIn }: { signIn: SignIn }) {
  return (
    <header className="border-line border-b bg-card">
      <div className="mx-auto flex max-w-[110rem] items-center gap-2 px-3 sm:gap-6 sm:px-4 xl:px-6">
        <div className="flex items-center gap-2 font-semibold">
          <ShieldCheck aria-hidden className="size-6 text-good" />
          <span className="max-sm:sr-only">Home Security</span>
        </div>
        <nav aria-label="Pages" className="flex">
          {PLACES.map((place) => (
            <PlaceLink key={place.href} {...place} />
          ))}
        </nav>
        <Account signIn={signIn} />
      </div>
    </header>
  );
}

function PlaceLink({ href, pattern, name, Icon }: Place) {
  const [here] = useRoute(pattern);
  return (
    <Link
      href={href}
      aria-current={here ? "page" : undefined}
      className={`flex items-center gap-2 border-b-2 px-2.5 py-3 text-sm sm:px-3 ${
        here ? "border-good text-ink" : "border-transparent text-muted hover:text-ink"
      }`}
    >
      <Icon aria-hidden className="size-4 max-sm:hidden" />
      {name}
    </Link>
  );
}
