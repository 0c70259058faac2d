import type { View, Views } from "../browser/view.js";
import { accountPage } from "./account.js";
import { consentPage } from "./consent.js";
import { deviceDonePage, devicePage } from "./device.js";
import { homePage } from "./home.js";
import { chooseLanguage } from "./language.js";
import type { Frame, Page } from "./layout.js";
import { loggedOutPage } from "./logged-out.js";
import { loginPage } from "./login.js";
import { logoutPage } from "./logout.js";
import { sharingPage } from "./sharing.js";

type Renderer<Name extends keyof Views> = (view: Views[Name], frame: Frame) => Page;

/** The renderer of each page. */
const PAGES: { readonly [Name in keyof Views]: Renderer<Name> } = {
  login: loginPage,
  consent: consentPage,
  logout: logoutPage,
  logged_out: loggedOutPage,
  home: homePage,
  account: accountPage,
  sharing: sharingPage,
  device: devicePage,
  device_done: deviceDonePage,
};

/** Draws a page in the language that the request or the browser asks for. */
export function render(view: View, issuer: string, acceptLanguage: string | undefined): Page {
  const language = chooseLanguage(view.uiLocales, acceptLanguage);
  const draw = PAGES[view.page] as (view: View, frame: Frame) => Page;
  return draw(view, { language, base: basePathOf(issuer), host: new URL(issuer).host });
}

/** The path of the issuer, without a slash at its end. It is not empty if a proxy serves the issuer below a path. */
export function basePathOf(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, "");
}
