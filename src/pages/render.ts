import { ACCOUNT_PATH, LOGOUT_PATH, SHARING_PATH } from "../browser/paths.js";
import type { View } from "../browser/view.js";
import { accountPage } from "./account.js";
import { sharingPage } from "./sharing.js";
import { consentPage } from "./consent.js";
import { homePage } from "./home.js";
import { chooseLanguage } from "./language.js";
import { loggedOutPage } from "./logged-out.js";
import { loginPage } from "./login.js";
import { logoutPage } from "./logout.js";
import type { Page } from "./layout.js";
import { formTargets } from "./policy.js";

/**
 * The page of a view, in the language the request or the browser asks for.
 * @param base the path of the issuer, which stands before every path of ours
 */
export function render(shown: View, base: string, acceptLanguage: string | undefined): Page {
  const view = "action" in shown ? { ...shown, action: base + shown.action } : shown;
  const language = chooseLanguage("uiLocales" in view ? view.uiLocales : undefined, acceptLanguage);
  switch (view.page) {
    case "login":
      return loginPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "consent":
      return consentPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "logout":
      return logoutPage({ ...view, language, formTargets: formTargets(view.leadsTo) });
    case "logged_out":
      return loggedOutPage({ ...view, language });
    case "home":
      return homePage({ ...view, language, account: base + ACCOUNT_PATH });
    case "account":
      return accountPage({ ...view, language, logout: base + LOGOUT_PATH, sharing: base + SHARING_PATH });
    case "sharing":
      return sharingPage({ ...view, language, account: base + ACCOUNT_PATH });
  }
}
