// Takes the screenshots of the README into docs/images: npm run screenshots
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/launch-browser.js";
import { ROOT } from "../support/root.js";
import { query } from "../support/web.js";
import { withServer } from "./server.js";
import { answerHelp } from "./help.js";

const IMAGES = join(ROOT, "docs", "images");

/** A phone. */
const VIEWPORT = { width: 360, height: 640 };

const PERSON = { username: "alice", password: "correct horse battery staple" };

const PHOTOS = "https://photos.example/callback";
const CALENDAR = "https://calendar.example/callback";

const PROVISION = {
  scopes: [{ name: "albums", description: "See and order prints of your photo albums" }],
  clients: [
    {
      client_id: "prints",
      client_name: "Photo Prints",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      scope: "openid profile albums offline_access",
      redirect_uris: [PHOTOS],
    },
    {
      client_id: "calendar",
      client_name: "Team Calendar",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      scope: "openid email",
      redirect_uris: [CALENDAR],
    },
  ],
  users: [
    {
      sub: "user-alice",
      preferred_username: PERSON.username,
      password: PERSON.password,
      name: "Alice Example",
      email: "alice@example.com",
      email_verified: true,
      roles: ["jeton:admin"],
    },
  ],
};

const HELP = `npm run screenshots
Takes the screenshots of the login, consent, account and logout pages and of the console into docs/images.`;

answerHelp(HELP);

await withServer(
  PROVISION,
  async ({ url }) => {
    const browser = await launchBrowser();
    try {
      await takeAll(browser, url);
    } finally {
      await browser.close();
    }
    return true;
  },
  0,
  { ADMIN: "on" },
);

/** Signs a person in to two apps, and photographs each page on the way. */
async function takeAll(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext({ locale: "en-US", viewport: VIEWPORT });
  const page = await context.newPage();
  // The apps exist nowhere: the consent is stored, and the browser cannot follow the redirect.
  const allow = async () => {
    await page.click("button[name=action][value=allow]");
    await page.waitForURL(/^chrome-error:/);
  };

  await page.goto(signInAddress(url, "prints", PHOTOS, "openid profile albums offline_access"));
  await take(page, "login");
  await logIn(page);
  await page.waitForSelector("#consent");
  await take(page, "consent");
  await allow();
  await page.goto(signInAddress(url, "calendar", CALENDAR, "openid email"));
  await allow();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`${url}/account`);
  await take(page, "account");
  await page.goto(`${url}/oauth2/logout?client_id=prints`);
  await take(page, "logout");
  await takeConsole(page, url);
}

/** Photographs the console, wide and light, and a person on a phone. */
async function takeConsole(page: Page, url: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1000, height: 640 });
  // The server's own name is localhost, where this browser is not signed in yet.
  await page.goto(`${url}/admin/`);
  await logIn(page);
  const { origin } = new URL(page.url());
  await page.goto(`${origin}/admin/`);
  await take(page, "console");
  await page.setViewportSize(VIEWPORT);
  await page.goto(`${origin}/admin/people/user-alice`);
  await take(page, "console-person", false);
}

async function logIn(page: Page): Promise<void> {
  await page.fill("#username", PERSON.username);
  await page.fill("#password", PERSON.password);
  await page.click("button[name=action][value=login]");
}

/** The address to which an app sends a person who signs in. A loopback callback would show a port that changes. */
function signInAddress(url: string, client_id: string, redirect_uri: string, scope: string): string {
  const challenge = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
  return `${url}/oauth2/authorize?${query({ response_type: "code", client_id, redirect_uri, scope, ...challenge })}`;
}

async function take(page: Page, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(IMAGES, `${name}.png`), fullPage });
  console.log(`docs/images/${name}.png`);
}
