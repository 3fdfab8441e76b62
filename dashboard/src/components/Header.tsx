import {
  Activity,
  History,
  LayoutDashboard,
  ListChecks,
  type LucideIcon,
  ShieldCheck,
} from "lucide-react";
import { Link, useRoute } from "wouter";
import type { SignIn } from "../signin/signIn";
import { texts } from "../texts";
import type { Notifier } from "../told/notifier";
import { Account } from "./signin/Account";
import { ThemeMenu } from "./ThemeMenu";
import { TellButton } from "./told/TellButton";

interface Place {
  readonly href: string;
  readonly pattern: string;
  readonly name: string;
  readonly Icon: LucideIcon;
}

const PLACES: readonly Place[] = [
  { href: "/", pattern: "/", name: texts.page.places.dashboard, Icon: LayoutDashboard },
  { href: "/events", pattern: "/events/:cursor?", name: texts.page.places.events, Icon: History },
  {
    href: "/performance",
    pattern: "/performance",
    name: texts.page.places.performance,
    Icon: Activity,
  },
  { href: "/jobs", pattern: "/jobs/:id?", name: texts.page.places.jobs, Icon: ListChecks },
];

interface HeaderProps {
  readonly signIn: SignIn;
  readonly notifier: Notifier;
}

/** What this is, where one can go, what one is told of, how it looks, and who is signed in. */
export function Header({ signIn, notifier }: HeaderProps) {
  return (
    <header className="border-line border-b bg-card">
      <div className="flex items-center px-1 sm:gap-6 sm:px-4 xl:px-6">
        <div className="flex items-center gap-2 font-semibold max-sm:sr-only">
          <ShieldCheck aria-hidden className="size-6 text-good" />
          <span>{texts.page.name}</span>
        </div>
        <nav aria-label={texts.page.pages} className="flex">
          {PLACES.map((place) => (
            <PlaceLink key={place.href} {...place} />
          ))}
        </nav>
        <div className="ml-auto flex min-w-0 items-center sm:gap-2">
          <TellButton notifier={notifier} />
          <ThemeMenu />
          <Account signIn={signIn} />
        </div>
      </div>
    </header>
  );
}

/** On a phone its name is below its icon, so that all of them have room, and a thumb has, too. */
function PlaceLink({ href, pattern, name, Icon }: Place) {
  const [here] = useRoute(pattern);
  return (
    <Link
      href={href}
      aria-current={here ? "page" : undefined}
      className={`flex items-center gap-2 border-b-2 px-3 py-3 text-sm max-sm:min-w-14 max-sm:flex-col max-sm:gap-0.5 max-sm:px-1 max-sm:py-1.5 max-sm:text-[0.6875rem] max-sm:leading-none ${
        here ? "border-good text-ink" : "border-transparent text-muted hover:text-ink"
      }`}
    >
      <Icon aria-hidden className="size-4.5 sm:size-4" />
      {name}
    </Link>
  );
}
