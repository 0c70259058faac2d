import type { ConsolePage } from "./page.js";
import { changePage, changesPage } from "./pages/changes.js";
import { clientPage } from "./pages/client.js";
import { clientsPage } from "./pages/clients.js";
import { commandPage } from "./pages/command.js";
import { commandsPage } from "./pages/commands.js";
import { decisionPage } from "./pages/decision.js";
import { decisionsPage } from "./pages/decisions.js";
import { endClientPage, endPersonPage } from "./pages/ending.js";
import { jobPage, jobsPage } from "./pages/jobs.js";
import { keysPage } from "./pages/keys.js";
import { peoplePage } from "./pages/people.js";
import { personPage } from "./pages/person.js";
import { searchPage } from "./pages/search.js";
import { startPage } from "./pages/start.js";

/** Every page of the console, in the order of the navigation. A new page is its file and its row here. */
export const PAGES: readonly ConsolePage[] = [
  startPage,
  searchPage,
  peoplePage,
  personPage,
  endPersonPage,
  clientsPage,
  clientPage,
  endClientPage,
  keysPage,
  decisionsPage,
  decisionPage,
  changesPage,
  changePage,
  jobsPage,
  jobPage,
  commandsPage,
  commandPage,
];
